import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { grpcRouteSchema, toGrpcRoute } from '../../clusters/schema/grpc-route-schema.ts';
import { httpRouteSchema, toHttpRoute } from '../../clusters/schema/http-route-schema.ts';
import { isFields } from '../../federation/model/fields.ts';
import type { MeshRoute, RouteKind } from '../../federation/model/mesh-route.ts';
import type { SnapshotService } from '../../federation/model/snapshot.ts';
import { RouteIndex } from '../../federation/snapshot/route-index.ts';
import { routeVerdicts } from '../../federation/snapshot/route-verdict.ts';
import { serviceFault } from '../../federation/wire/service-fields.ts';
import { standardFields, withoutEach } from '../fixtures/standard-fields.ts';
import { testSnapshot } from '../fixtures/test-snapshot.ts';

/** The standard itself says that they mean nothing for a route of a service (GEP-1426). */
const WITHOUT_MEANING = ['hostnames'];

function read(kind: RouteKind, spec: unknown): MeshRoute {
  const object = { kind, metadata: { name: 'r', namespace: 'shop' }, spec };
  return kind === 'HTTPRoute'
    ? toHttpRoute(httpRouteSchema.parse(object), 1)
    : toGrpcRoute(grpcRouteSchema.parse(object), 1);
}

const headers = {
  set: [{ name: 'a', value: 'b' }],
  add: [{ name: 'c', value: 'd' }],
  remove: ['e'],
};
const ref = { group: 'multicluster.x-k8s.io', kind: 'ServiceImport', name: 'm', namespace: 'far', port: 81 };
const requestHeaders = { type: 'RequestHeaderModifier', requestHeaderModifier: headers };
const responseHeaders = { type: 'ResponseHeaderModifier', responseHeaderModifier: headers };
const percent = { type: 'RequestMirror', requestMirror: { backendRef: ref, percent: 5 } };
const fraction = {
  type: 'RequestMirror',
  requestMirror: { backendRef: ref, fraction: { numerator: 1, denominator: 3 } },
};
const extension = {
  type: 'ExtensionRef',
  extensionRef: { group: 'example.com', kind: 'Filter', name: 'f' },
};
const cors = {
  type: 'CORS',
  cors: {
    allowOrigins: ['https://a.example'],
    allowMethods: ['GET'],
    allowHeaders: ['x-a'],
    exposeHeaders: ['x-b'],
    allowCredentials: true,
    maxAge: 60,
  },
};
const replaced = [
  { type: 'ReplaceFullPath', replaceFullPath: '/z' },
  { type: 'ReplacePrefixMatch', replacePrefixMatch: '/z' },
];
const redirects = replaced.map((path) => ({
  type: 'RequestRedirect',
  requestRedirect: { scheme: 'https', hostname: 'a.example', port: 8443, statusCode: 308, path },
}));
const rewrites = replaced.map((path) => ({
  type: 'URLRewrite',
  urlRewrite: { hostname: 'a.example', path },
}));
const prefix = [{ path: { type: 'PathPrefix', value: '/a' } }];
const named = [
  { type: 'Exact', name: 'x-a', value: 'b' },
  { type: 'RegularExpression', name: 'x-b', value: 'c+' },
];
const parentRefs = [
  { group: '', kind: 'Service', name: 'payments', namespace: 'shop', port: 80, sectionName: 'main' },
];
const backendRefs = (filters: readonly object[]) => [
  {
    group: 'multicluster.x-k8s.io',
    kind: 'ServiceImport',
    name: 'b',
    namespace: 'far',
    port: 81,
    weight: 3,
    filters,
  },
];

/** Together they have every field of the standard channel, each with another value than its default. */
const SPECS: Readonly<Record<RouteKind, readonly { readonly rules: readonly object[] }[]>> = {
  HTTPRoute: [
    {
      rules: [
        {
          name: 'all',
          matches: [
            { path: { type: 'Exact', value: '/a' }, method: 'PUT', headers: named, queryParams: named },
            { path: { type: 'RegularExpression', value: '/a+' } },
            ...prefix,
          ],
          filters: [requestHeaders, responseHeaders, percent, fraction, cors],
          backendRefs: backendRefs([requestHeaders, responseHeaders, percent, fraction, cors]),
          timeouts: { request: '3s', backendRequest: '2s' },
          retry: { attempts: 2, backoff: '10ms', codes: [503] },
        },
      ],
    },
    ...redirects.map((one) => ({ rules: [{ matches: prefix, filters: [one] }] })),
    ...rewrites.map((one) => ({ rules: [{ matches: prefix, filters: [one] }] })),
    ...[...redirects, ...rewrites].map((one) => ({
      rules: [{ matches: prefix, backendRefs: backendRefs([one]) }],
    })),
    { rules: [{ filters: [extension], backendRefs: backendRefs([extension]) }] },
  ],
  GRPCRoute: [
    {
      rules: [
        {
          name: 'all',
          matches: [
            { method: { type: 'Exact', service: 'a.B', method: 'C' }, headers: named },
            { method: { type: 'RegularExpression', service: 'a\\..*', method: 'D+' } },
          ],
          filters: [requestHeaders, responseHeaders, percent, fraction],
          backendRefs: backendRefs([requestHeaders, responseHeaders, percent, fraction]),
        },
      ],
    },
    { rules: [{ filters: [extension], backendRefs: backendRefs([extension]) }] },
  ],
};

function indexOf(route: MeshRoute): RouteIndex {
  return new RouteIndex({
    meshRoutes: new Map([['r', route]]),
    backendGrants: new Map(),
    services: new Map(),
  });
}

function payments(): SnapshotService {
  const { services } = testSnapshot({
    cluster: 'east',
    peers: {},
    bundles: new Map(),
    services: [{ name: 'payments', protocol: 'http', endpoints: [1], offeredBy: [] }],
  });
  const service = services.get('shop/payments');
  assert.ok(service !== undefined);
  return service;
}

/** Of the route at its parent. */
function accepted(route: MeshRoute): { readonly reason: string; readonly message: string } {
  const services = new Map([['shop/payments', payments()]]);
  const [verdict] = routeVerdicts(indexOf(route).attachments, services, new Map());
  const found = verdict?.conditions.find(({ type }) => type === 'Accepted');
  assert.ok(found);
  return found;
}

for (const kind of ['HTTPRoute', 'GRPCRoute'] as const) {
  const specs = SPECS[kind].map((spec) => ({ parentRefs, hostnames: ['a.example'], ...spec }));
  const fields = standardFields(kind);

  describe(`${kind} in the standard channel`, () => {
    it('has no field that these tests do not', () => {
      const given = new Set(specs.flatMap((spec) => [...withoutEach(spec)].map(([path]) => path)));
      const missing = fields.filter(({ path }) => !given.has(path));
      assert.deepEqual(
        missing.map(({ path }) => path),
        [],
      );
    });

    it('has no field that is ignored in silence', () => {
      const ignored = new Set<string>();
      for (const spec of specs) {
        const whole = read(kind, spec);
        for (const [path, rest] of withoutEach(spec)) {
          if (isSame(kind, whole, rest)) ignored.add(path);
        }
      }
      // What it refers to makes no difference where the type is not supported.
      const told = [...ignored].filter((path) => !path.includes('.extensionRef'));
      // Services are what is meant without a group, and types are Exact or PathPrefix without one.
      const defaults = /(?:^parentRefs\[\]\.(?:namespace|group)|\.type)$/;
      assert.deepEqual(
        told.filter((path) => !defaults.test(path)),
        WITHOUT_MEANING,
      );
    });

    it('has no value that takes the service away: gateways refuse nothing of what is left', () => {
      const refused: string[] = [];
      for (const spec of specs) {
        for (const other of withOddValues(spec)) {
          const route = tryRead(kind, other);
          const fault =
            route && serviceFault({ ...payments(), routes: indexOf(route).routesOf('shop/payments') });
          if (fault !== undefined) refused.push(fault);
        }
      }
      assert.deepEqual(refused, []);
    });

    for (const { path, values } of fields) {
      for (const value of values) {
        it(`${path}: ${value} is read, or said not to be supported`, () => {
          const spec = specs.find((one) => has(one, path, value)) ?? withValue(specs, path, value);
          const route = read(kind, spec);
          if (value === 'ExtensionRef') {
            const { reason, message } = accepted(route);
            assert.equal(reason, 'UnsupportedValue');
            assert.match(message, /filters\[0\]: type "ExtensionRef" is not supported/);
            return;
          }
          assert.deepEqual(route.problems, []);
          assert.equal(accepted(route).reason, 'Accepted');
          const other = withValue([spec], path, 'Strange');
          const refused = tryRead(kind, other);
          if (refused === undefined) return;
          const { reason, message } = accepted(refused);
          assert.equal(reason, 'UnsupportedValue');
          assert.match(message, /Strange/);
        });
      }
    }
  });
}

const ODD_TEXTS = ['', 'a\u0001\n', '/\n', '/a\u007f', '99999h', '8760h1ms', 'é', 'a'.repeat(3000)];
const ODD_NUMBERS = [-1, 0, 0.5, 20, 200, 2 ** 40];

/** The value with each of its texts and numbers in turn as an odd one. */
function* withOddValues(value: unknown): Generator<unknown> {
  if (typeof value === 'string') yield* ODD_TEXTS;
  if (typeof value === 'number') yield* ODD_NUMBERS;
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) {
      for (const other of withOddValues(item)) yield value.with(at, other);
    }
  } else if (isFields(value)) {
    for (const [name, item] of Object.entries(value)) {
      for (const other of withOddValues(item)) yield { ...value, [name]: other };
    }
  }
}

/** undefined where the schema itself refuses it, as the API server does. */
function tryRead(kind: RouteKind, spec: unknown): MeshRoute | undefined {
  try {
    return read(kind, spec);
  } catch (failure) {
    if (failure instanceof z.ZodError) return undefined;
    throw failure;
  }
}

function isSame(kind: RouteKind, whole: MeshRoute, rest: unknown): boolean {
  const route = tryRead(kind, rest);
  return route !== undefined && isDeepStrictEqual(route, whole);
}

function has(spec: unknown, path: string, value: string): boolean {
  return valuesAt(spec, path.split('.')).includes(value);
}

function valuesAt(value: unknown, [first, ...rest]: readonly string[]): unknown[] {
  if (first === undefined) return Array.isArray(value) ? value : [value];
  if (typeof value !== 'object' || value === null) return [];
  const name = first.replace('[]', '');
  const found: unknown = Reflect.get(value, name);
  if (found === undefined) return [];
  if (!first.endsWith('[]')) return valuesAt(found, rest);
  return (found as unknown[]).flatMap((item) => valuesAt(item, rest));
}

/** The first of these that has the field, with another value of it. */
function withValue(specs: readonly object[], path: string, value: string): object {
  const spec = specs.find((one) => valuesAt(one, path.split('.')).length > 0);
  assert.ok(spec, path);
  const changed: unknown = structuredClone(spec);
  const names = path.split('.');
  const last = names.pop() ?? '';
  const [owner] = valuesAt(changed, names).filter(
    (one) => typeof one === 'object' && one !== null && Reflect.get(one, last) !== undefined,
  );
  assert.ok(typeof owner === 'object' && owner !== null, path);
  const before: unknown = Reflect.get(owner, last);
  Reflect.set(owner, last, Array.isArray(before) ? [value] : value);
  return changed as object;
}
