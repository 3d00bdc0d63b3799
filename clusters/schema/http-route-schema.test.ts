import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import type { MeshRoute } from '../../federation/model/mesh-route.ts';
import { httpRouteSchema, toHttpRoute } from './http-route-schema.ts';

const SERVICE = { group: '', kind: 'Service', name: 'payments' };

function read(spec: object, metadata: object = {}): MeshRoute {
  const object = { kind: 'HTTPRoute', metadata: { name: 'payments', namespace: 'shop', ...metadata }, spec };
  return toHttpRoute(httpRouteSchema.parse(object), 7);
}

function one(rule: object): MeshRoute {
  return read({ parentRefs: [SERVICE], rules: [rule] });
}

describe('HTTPRoute', () => {
  it('is read with the defaults of the standard', () => {
    const route = read({ parentRefs: [SERVICE], hostnames: ['a.example'] });
    assert.deepEqual(route.parents, [
      {
        kind: 'Service',
        service: { namespace: 'shop', name: 'payments' },
        port: undefined,
        sectionName: undefined,
      },
    ]);
    assert.equal(route.createdAtMs, 7);
    assert.deepEqual(route.problems, []);
    assert.deepEqual(route.rules[0]?.matches, [
      {
        path: { kind: 'prefix', value: '/' },
        rpc: undefined,
        method: undefined,
        headers: [],
        queryParams: [],
      },
    ]);
    const { backends } = one({ backendRefs: [{ name: 'a', port: 80 }] }).rules[0] ?? { backends: [] };
    assert.deepEqual(backends[0]?.ref, {
      kind: 'Service',
      service: { namespace: 'shop', name: 'a' },
      port: 80,
      fault: undefined,
    });
    assert.equal(backends[0]?.weight, 1);
  });

  it('leaves parents alone that are not services', () => {
    const route = read({ parentRefs: [{ name: 'edge' }, { ...SERVICE, group: 'example.org' }] });
    assert.deepEqual(route.parents, []);
    const imported = {
      group: 'multicluster.x-k8s.io',
      kind: 'ServiceImport',
      name: 'x',
      namespace: 'other',
      port: 80,
    };
    assert.equal(read({ parentRefs: [imported] }).parents[0]?.service.namespace, 'other');
  });

  it('reads everything that a rule may say', () => {
    const route = one({
      name: 'all',
      matches: [
        {
          path: { type: 'Exact', value: '/a' },
          method: 'GET',
          headers: [
            { name: 'X-Tier', value: 'gold' },
            { name: 'x-tier', value: 'ignored: only the first counts' },
            { type: 'RegularExpression', name: 'accept', value: 'text/.*' },
          ],
          queryParams: [{ name: 'V', value: '2' }],
        },
      ],
      filters: [
        {
          type: 'RequestHeaderModifier',
          requestHeaderModifier: { set: [{ name: 'A', value: 'b' }], remove: ['C'] },
        },
        { type: 'ResponseHeaderModifier', responseHeaderModifier: { add: [{ name: 'D', value: 'e f' }] } },
        {
          type: 'URLRewrite',
          urlRewrite: { hostname: 'h.example', path: { type: 'ReplaceFullPath', replaceFullPath: '/z' } },
        },
        { type: 'RequestMirror', requestMirror: { backendRef: { name: 'm', port: 1 }, percent: 5 } },
        {
          type: 'RequestMirror',
          requestMirror: { backendRef: { name: 'n', port: 2 }, fraction: { numerator: 1, denominator: 3 } },
        },
      ],
      backendRefs: [{ name: 'a', port: 80, weight: 9 }],
      timeouts: { request: '10s', backendRequest: '2s' },
      retry: { attempts: 2, backoff: '10ms', codes: [503] },
    });
    assert.deepEqual(route.problems, []);
    const [rule] = route.rules;
    assert.deepEqual(rule?.matches[0]?.headers, [
      { name: 'x-tier', kind: 'exact', value: 'gold' },
      { name: 'accept', kind: 'pattern', value: 'text/.*' },
    ]);
    assert.deepEqual(
      rule?.filters.mirrors.map((mirror) => [mirror.numerator, mirror.denominator]),
      [
        [5, 100],
        [1, 3],
      ],
    );
    assert.deepEqual(rule?.filters.requestHeaders, {
      set: [{ name: 'a', value: 'b' }],
      add: [],
      remove: ['c'],
    });
    assert.deepEqual([rule?.requestTimeoutMs, rule?.backendRequestTimeoutMs], [10_000, 2_000]);
    assert.deepEqual(rule?.retry, { attempts: 2, backoffMs: 10, statuses: [503] });
  });

  it('reads the filter CORS with its defaults, and refuses what the standard refuses', () => {
    const read = (cors: object) =>
      httpRouteSchema.safeParse({
        kind: 'HTTPRoute',
        metadata: { name: 'payments', namespace: 'shop' },
        spec: {
          parentRefs: [{ group: '', kind: 'Service', name: 'payments' }],
          rules: [{ filters: [{ type: 'CORS', cors }] }],
        },
      });
    const good = read({ allowOrigins: ['https://*.a.example:8443'] });
    assert.ok(good.success);
    assert.deepEqual(toHttpRoute(good.data, 1).rules[0]?.filters.cors, {
      allowOrigins: ['https://*.a.example:8443'],
      allowMethods: [],
      allowHeaders: [],
      exposeHeaders: [],
      allowCredentials: false,
      maxAgeSeconds: 5,
    });
    for (const cors of [
      { allowOrigins: ['a.example'] },
      { allowOrigins: ['ftp://a.example'] },
      { allowOrigins: ['https://a.example/path'] },
      { allowOrigins: ['https://a.example:0'] },
      { allowOrigins: ['*', 'https://a.example'] },
      { allowMethods: ['get'] },
      { allowMethods: ['*', 'GET'] },
      { allowHeaders: ['a b'] },
      { maxAge: 0 },
    ]) {
      assert.equal(read(cors).success, false, JSON.stringify(cors));
    }
  });

  it('lets a rule fail of which something is not supported, and says what', () => {
    const redirect = { type: 'RequestRedirect', requestRedirect: {} };
    const prefix = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' };
    for (const [rule, told] of [
      [
        { filters: [{ type: 'ExtensionRef', extensionRef: {} }] },
        /filters\[0\]: type "ExtensionRef" is not supported/,
      ],
      [{ filters: [{ type: 'CORS' }] }, /filters\[0\].cors is missing/],
      [{ filters: [{ type: 'CORS', cors: { allowPrivate: true } }] }, /allowPrivate is not supported/],
      [{ sessionPersistence: {} }, /sessionPersistence is not supported/],
      [{ timeouts: { idle: '1s' } }, /timeouts.idle is not supported/],
      [{ filters: [redirect, redirect] }, /filters\[1\]: RequestRedirect is there twice/],
      [{ filters: [redirect], backendRefs: [{ name: 'a', port: 1 }] }, /exclude each other/],
      [{ filters: [redirect, { type: 'URLRewrite', urlRewrite: {} }] }, /exclude each other/],
      [{ filters: [{ type: 'URLRewrite' }] }, /urlRewrite is missing/],
      [{ filters: [{ ...redirect, urlRewrite: {} }] }, /filters\[0\].urlRewrite is not supported/],
      [{ filters: [{ type: 'RequestRedirect', requestRedirect: { statusCode: 300 } }] }, /statusCode 300/],
      [{ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'ftp' } }] }, /scheme "ftp"/],
      [
        {
          matches: [{ path: { type: 'Exact', value: '/a' } }],
          filters: [{ type: 'URLRewrite', urlRewrite: { path: prefix } }],
        },
        /exactly one match/,
      ],
      [
        {
          filters: [
            {
              type: 'RequestHeaderModifier',
              requestHeaderModifier: { set: [{ name: 'Isthmus-Caller', value: 'x' }] },
            },
          ],
        },
        /header isthmus-caller is the gateway's own/,
      ],
      [
        {
          filters: [
            { type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['Transfer-Encoding'] } },
          ],
        },
        /header transfer-encoding is the gateway's own/,
      ],
      [
        { backendRefs: [{ name: 'a', port: 1, filters: [{ type: 'ExtensionRef' }] }] },
        /backendRefs\[0\].filters\[0\]: type "ExtensionRef"/,
      ],
      [{ backendRefs: [{ name: 'a' }] }, /has no port/],
      [{ retry: { attempts: 99 } }, /99 attempts/],
    ] as const) {
      const route = one(rule);
      assert.match(route.problems[0]?.message ?? '', told);
      assert.equal(route.problems[0]?.dropped, false);
      assert.match(route.rules[0]?.broken ?? '', told);
    }
  });

  it('leaves a rule out whose matches it does not understand', () => {
    for (const [match, told] of [
      [{ path: { type: 'Glob', value: '*' } }, /matches\[0\].path: type "Glob" is not supported/],
      [{ path: { type: 'RegularExpression', value: '(?=a)' } }, /the regular expression has a group/],
      [{ headers: [{ type: 'Suffix', name: 'a', value: 'b' }] }, /a: type "Suffix"/],
      [{ method: 'PROPFIND' }, /method "PROPFIND"/],
      [{ cookies: [] }, /matches\[0\].cookies is not supported/],
    ] as const) {
      const route = one({ matches: [match] });
      assert.match(route.problems[0]?.message ?? '', told);
      assert.deepEqual([route.problems[0]?.dropped, route.rules.length], [true, 0]);
    }
  });

  it('knows a backend that is no service', () => {
    const backendRefs = [{ group: 'storage.example', kind: 'Bucket', name: 'my.bucket' }];
    const [rule] = one({ backendRefs }).rules;
    assert.equal(rule?.broken, undefined);
    assert.equal(rule?.backends[0]?.ref.fault, 'InvalidKind');
  });

  it('refuses an object that the API server would refuse', () => {
    for (const rule of [
      { matches: [{ path: { type: 'Exact', value: 'a' } }] },
      { matches: [{ path: { type: 'PathPrefix', value: '/a//b' } }] },
      { matches: [{ path: { type: 'Exact', value: '/a/../b' } }] },
      { matches: [{ path: { type: 'Exact', value: '/a%2Fb' } }] },
      { timeouts: { request: '1s', backendRequest: '2s' } },
      {
        filters: [
          {
            type: 'RequestHeaderModifier',
            requestHeaderModifier: { set: [{ name: 'a', value: 'b\r\nc: d' }] },
          },
        ],
      },
      { backendRefs: [{ name: 'a', port: 80, weight: -1 }] },
    ]) {
      assert.throws(() => one(rule), z.ZodError, JSON.stringify(rule));
    }
  });

  it('is the same after it was stored', () => {
    const object = {
      kind: 'HTTPRoute',
      metadata: { name: 'a' },
      spec: { parentRefs: [SERVICE], rules: [{ timeouts: { request: '1h15m' }, later: { x: 1 } }] },
    };
    const parsed = httpRouteSchema.parse(object);
    const again = httpRouteSchema.parse(JSON.parse(JSON.stringify(z.encode(httpRouteSchema, parsed))));
    assert.deepEqual(toHttpRoute(again, 1), toHttpRoute(parsed, 1));
  });
});
