import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import type { ResourceType } from './resource-type.ts';
import type { WatchEvent } from './watch-stream.ts';

const SERVICES: ResourceType = { group: '', version: 'v1', plural: 'services', namespaced: true };
const NODES: ResourceType = { group: '', version: 'v1', plural: 'nodes', namespaced: false };
const LEASES: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  namespaced: true,
};

async function scene(t: TestContext): Promise<{ server: KubeProtocolServer; client: KubeClient }> {
  const server = await KubeProtocolServer.start(t);
  const client = new KubeClient(server.credentials);
  t.after(() => client.close());
  return { server, client };
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function refused(status: number, reason: string, message: RegExp) {
  return (failure: unknown): boolean => {
    assert.ok(failure instanceof KubeError, String(failure));
    assert.deepEqual([failure.status, failure.reason], [status, reason]);
    assert.match(failure.message, message);
    return true;
  };
}

describe('KubeClient speaks the protocol', () => {
  it('lists page by page, with the selection in each', async (t) => {
    const { server, client } = await scene(t);
    server.answer = ({ query }, response) => {
      const rest = query.get('continue') === 'more' ? undefined : 'more';
      json(response, { metadata: { resourceVersion: '7', continue: rest }, items: [{ rest }] });
    };
    const pages = await all(client.list(SERVICES, { namespace: 'shop', labelSelector: 'a=b', limit: 1 }));
    assert.deepEqual(
      pages.map(({ items, resourceVersion, complete }) => [items.length, resourceVersion, complete]),
      [
        [1, '7', false],
        [1, '7', true],
      ],
    );
    assert.deepEqual(
      server.requests.map(({ path, query }) => `${path}?${query}`),
      [
        '/api/v1/namespaces/shop/services?labelSelector=a%3Db&limit=1',
        '/api/v1/namespaces/shop/services?labelSelector=a%3Db&limit=1&continue=more',
      ],
    );
    assert.equal(server.requests[0]?.headers.authorization, 'Bearer of-a-test');
  });

  it('writes: each verb with its own path, query and body', async (t) => {
    const { server, client } = await scene(t);
    const metadata = { name: 'l', namespace: 'isthmus', resourceVersion: '3' };
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata };
    await client.create(LEASES, lease);
    await client.update(LEASES, lease);
    await client.apply(LEASES, lease);
    await client.applyStatus(LEASES, lease, { force: false, fieldManager: 'isthmus-status' });
    await client.delete(LEASES, metadata, { uid: 'u', resourceVersion: '3' });
    await client.createSubresource(NODES, { name: 'n' }, 'token', {});
    const root = '/apis/coordination.k8s.io/v1/namespaces/isthmus/leases';
    assert.deepEqual(
      server.requests.map(({ method, path, query }) => `${method} ${path} ${query}`),
      [
        `POST ${root} fieldManager=isthmus`,
        `PUT ${root}/l fieldManager=isthmus`,
        `PATCH ${root}/l fieldManager=isthmus&force=true`,
        `PATCH ${root}/l/status fieldManager=isthmus-status&force=false`,
        `DELETE ${root}/l `,
        'POST /api/v1/nodes/n/token ',
      ],
    );
    assert.equal(server.requests[2]?.headers['content-type'], 'application/apply-patch+yaml');
    assert.deepEqual(JSON.parse(server.requests[4]?.body ?? '').preconditions, {
      uid: 'u',
      resourceVersion: '3',
    });
  });

  it('never leaves the path that was meant', async (t) => {
    const { server, client } = await scene(t);
    await client.get(SERVICES, { namespace: 'a/../b', name: '../secrets?x' });
    assert.equal(server.requests[0]?.path, '/api/v1/namespaces/a%2F..%2Fb/services/..%2Fsecrets%3Fx');
    assert.throws(() => client.get(SERVICES, { name: 'payments' }), /a namespace is missing/);
    assert.throws(() => client.get(NODES, { name: 'n', namespace: 'shop' }), /are in no namespace/);
    assert.throws(() => client.get(SERVICES, { name: '', namespace: 'shop' }), /name is missing/);
  });

  it('tells why a request was refused, and for how long', async (t) => {
    const { server, client } = await scene(t);
    const status = { kind: 'Status', reason: 'Conflict', message: 'the object has been modified', code: 409 };
    server.answer = (_, response) => json(response, status, 409);
    const get = (): Promise<unknown> => client.get(NODES, { name: 'n' });
    await assert.rejects(
      get(),
      refused(409, 'Conflict', /^GET \/api\/v1\/nodes\/n: 409 Conflict: the object/),
    );
    server.answer = (_, response) => response.writeHead(429, { 'retry-after': '2' }).end('slow down');
    await assert.rejects(get(), (failure) => {
      assert.ok(failure instanceof KubeError);
      return failure.retryAfterMs === 2000 && failure.reason === 'TooManyRequests';
    });
    server.answer = (_, response) => response.writeHead(401).end();
    await assert.rejects(get(), refused(401, 'Unauthorized', /Unauthorized/));
    assert.equal(server.credentials.refusals, 1);
    server.answer = (_, response) => response.end('<html>');
    await assert.rejects(get(), refused(0, 'Malformed', /not JSON/));
  });

  it('gives a call up at its time and at its signal', async (t) => {
    const { server, client } = await scene(t);
    server.answer = (_, response) => response.write('{');
    await assert.rejects(
      client.get(NODES, { name: 'n' }, { timeoutMs: 50 }),
      refused(0, 'Timeout', /no whole answer in 50 ms/),
    );
    const abort = new AbortController();
    server.answer = () => abort.abort(new Error('enough'));
    await assert.rejects(client.get(NODES, { name: 'n' }, { signal: abort.signal }), /^Error: enough$/);
    await assert.rejects(client.get(NODES, { name: 'n' }, { signal: abort.signal }), /^Error: enough$/);
  });

  it('says who a token belongs to, and never repeats the token', async (t) => {
    const { server, client } = await scene(t);
    const user = { username: 'system:serviceaccount:isthmus:gateway', uid: 'u', groups: ['g'] };
    server.answer = ({ body }, response) => {
      const { spec } = JSON.parse(body);
      if (spec.token === 'bad') json(response, { status: { error: 'token is expired' } });
      else if (spec.token === 'worse') json(response, { message: 'no' }, 403);
      else json(response, { status: { authenticated: true, audiences: spec.audiences, user } });
    };
    const good = await client.tokenReview('secret', ['isthmus']);
    assert.deepEqual(good, { authenticated: true, audiences: ['isthmus'], ...user, error: undefined });
    const bad = await client.tokenReview('bad', ['isthmus']);
    assert.deepEqual([bad.authenticated, bad.error], [false, 'token is expired']);
    await assert.rejects(client.tokenReview('worse', []), (failure) => !String(failure).includes('worse'));
  });
});

describe('KubeClient watches', () => {
  const from = { resourceVersion: '5' };

  it('cuts lines out of whatever pieces come, until the server ends it', async (t) => {
    const { server, client } = await scene(t);
    const event = (type: string, name: string): string => JSON.stringify({ type, object: { name } });
    server.answer = (_, response) => {
      const text = `${event('ADDED', 'ä')}\n${event('BOOKMARK', 'b')}\n\n${event('DELETED', 'c')}\n`;
      const bytes = Buffer.from(text);
      const pieces = [bytes.subarray(0, 37), bytes.subarray(37, 38), bytes.subarray(38)];
      for (const [index, piece] of pieces.entries()) setTimeout(() => response.write(piece), index * 5);
      setTimeout(() => response.end(), 30);
    };
    const events = await all(client.watch(SERVICES, { ...from, timeoutSeconds: 9 }));
    assert.deepEqual(events, [
      { type: 'ADDED', object: { name: 'ä' } },
      { type: 'BOOKMARK', object: { name: 'b' } },
      { type: 'DELETED', object: { name: 'c' } },
    ]);
    assert.equal(
      String(server.requests[0]?.query),
      'watch=1&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=9',
    );
  });

  it('fails with 410, as an answer and as an event', async (t) => {
    const { server, client } = await scene(t);
    const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
    server.answer = (_, response) => response.end(`${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
    await assert.rejects(all(client.watch(SERVICES, from)), KubeError.isGone);
    server.answer = (_, response) => json(response, gone, 410);
    await assert.rejects(all(client.watch(SERVICES, from)), KubeError.isGone);
  });

  it('refuses what is no event, and what has no end', async (t) => {
    const { server, client } = await scene(t);
    server.answer = (_, response) => response.end('{"type":"ADDED"\n');
    await assert.rejects(all(client.watch(SERVICES, from)), refused(0, 'Malformed', /not JSON/));
    server.answer = (_, response) => response.end('{"type":"PATCHED","object":{}}\n');
    await assert.rejects(all(client.watch(SERVICES, from)), refused(0, 'Malformed', /not one of a watch/));
    server.answer = (_, response) => {
      response.on('error', () => undefined);
      for (let sent = 0; sent < 20; sent++) response.write(Buffer.alloc(1024 * 1024, 'x'));
    };
    await assert.rejects(all(client.watch(SERVICES, from)), refused(0, 'TooLarge', /more than 16777216/));
  });

  it('ends by itself when nothing comes, when the wire breaks and when it is told to', async (t) => {
    const { server, client } = await scene(t);
    server.answer = (_, response) => response.flushHeaders();
    await assert.rejects(
      all(client.watch(SERVICES, { ...from, silenceMs: 50 })),
      refused(0, 'Silent', /nothing came for 50 ms/),
    );
    server.answer = (_, response) => response.write('{', () => response.destroy());
    await assert.rejects(all(client.watch(SERVICES, from)), refused(0, 'Unreachable', /broke off/));
    const abort = new AbortController();
    server.answer = (_, response) => response.write('{"type":"ADDED","object":{}}\n');
    const seen: WatchEvent[] = [];
    const watch = async (): Promise<void> => {
      for await (const event of client.watch(SERVICES, { ...from, signal: abort.signal })) {
        seen.push(event);
        abort.abort(new Error('enough'));
      }
    };
    await assert.rejects(watch(), /^Error: enough$/);
    assert.equal(seen.length, 1);
  });
});
