import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { HashSource } from '../../federation/model/traffic-policy.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

type Headers = Readonly<Record<string, string>>;

interface World {
  readonly pods: readonly Http2Backend[];
  /** Asks the gateway of a cluster on a connection of its own; which pod answered, and what it was told. */
  readonly ask: (cluster: 'east' | 'west', headers?: Headers) => Promise<{ pod: string; cookie: string }>;
}

/** West has six pods; clients come in at east and at west. */
async function world(t: TestContext, hashOn: HashSource): Promise<World> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pods = await Promise.all(
    ['0', '1', '2', '3', '4', '5'].map((name) =>
      Http2Backend.start(t, (stream) => {
        stream.respond({ ':status': 200, 'x-pod': name, 'set-cookie': 'own=1' });
        stream.end();
      }),
    ),
  );
  const loadBalancing = { kind: 'maglev', hashOn, tableSize: 65_537 } as const;
  const payments = { name: 'payments', protocol: 'http2', loadBalancing } as const;
  const { east, west } = await mesh.pair(
    payments,
    pods.map(({ port }) => port),
  );
  const ports = { east: await east.listenHttp(), west: await west.listenHttp() };
  const ask: World['ask'] = async (cluster, headers = {}) => {
    const { status, headers: answer } = await new Http2Client(t, ports[cluster]).request(headers);
    assert.equal(status, 200);
    return { pod: String(answer['x-pod']), cookie: String(answer['set-cookie']) };
  };
  return { pods, ask };
}

describe('a request that is told by', () => {
  it('a header comes to the same pod from either cluster, whatever hash its client claims', async (t) => {
    const { ask, pods } = await world(t, { kind: 'header', name: 'x-user' });
    const seen = new Set<string>();
    for (let user = 0; user < 40; user++) {
      const headers = { 'x-user': `user ${user}` };
      const { pod, cookie } = await ask('east', headers);
      seen.add(pod);
      assert.equal(cookie, 'own=1');
      assert.equal((await ask('west', headers)).pod, pod);
      assert.equal((await ask('east', { ...headers, 'isthmus-hash': '00000000' })).pod, pod);
      assert.equal((await ask('west', { ...headers, 'isthmus-hash': 'no hash' })).pod, pod);
    }
    assert.ok(seen.size >= 5, `${seen.size} pods of 6`);
    for (const { requests } of pods) for (const had of requests) assert.equal(had['isthmus-hash'], undefined);
  });

  it('a cookie that its client lacks is given one, which leads it back', async (t) => {
    const { ask } = await world(t, { kind: 'cookie', name: 'session', path: '/', ttlMs: 60_000 });
    for (const cluster of ['east', 'west'] as const) {
      for (let client = 0; client < 6; client++) {
        const { pod, cookie } = await ask(cluster);
        assert.match(cookie, /^own=1,session=[0-9a-f]{16}; Max-Age=60; Path=\/; HttpOnly$/);
        const session = /session=[0-9a-f]+/.exec(cookie)?.[0] ?? '';
        for (const entrance of ['east', 'west'] as const) {
          assert.deepEqual(await ask(entrance, { cookie: `a=b; ${session}` }), { pod, cookie: 'own=1' });
        }
      }
    }
  });

  it('its source address comes to one pod, by any connection', async (t) => {
    const { ask } = await world(t, { kind: 'source-address' });
    const pods = new Set<string>();
    for (let connection = 0; connection < 12; connection++) {
      pods.add((await ask('east')).pod);
      pods.add((await ask('west')).pod);
    }
    assert.equal(pods.size, 1);
  });
});
