import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Http2Answer, Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { type TestCluster, TestMesh } from '../../test/fixtures/test-mesh.ts';

const PAYMENTS = { name: 'payments', protocol: 'http2' } as const;
/** Of one link. */
const MAX_STREAMS = 1000;
const MAX_LINKS = 4;
/** A client's connection to east. */
const STREAMS_PER_CLIENT = 250;

async function pair(
  t: TestContext,
  answer: Http2Answer,
  options: Partial<TestCluster>,
): Promise<{ east: TestGateway; west: TestGateway; wire: TcpRelay; port: number }> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pod = await Http2Backend.start(t, answer);
  const west = await mesh.gateway('west', {
    peers: { east: [1] },
    services: [{ ...PAYMENTS, endpoints: [pod.port], offeredBy: [] }],
  });
  const wire = await TcpRelay.start(t, await west.listenMesh());
  const east = await mesh.gateway('east', {
    ...options,
    peers: { west: [wire.port] },
    services: [{ ...PAYMENTS, endpoints: [], offeredBy: ['west'] }],
  });
  return { east, west, wire, port: await east.listenHttp() };
}

describe('a trunk under many streams', () => {
  it('grows to four links, lets the rest wait, and shrinks to the one that is kept warm', async (t) => {
    const waiting: (() => void)[] = [];
    const hold: Http2Answer = (stream) => {
      waiting.push(() => {
        stream.respond();
        stream.end();
      });
    };
    const timing = { tickMs: 20, idleMs: 500 };
    const { east, west, wire, port } = await pair(t, hold, { warm: true, timing });
    await until(() => east.engine.trunks.reports()[0]?.state === 'up');
    const surplus = 100;
    const total = MAX_LINKS * MAX_STREAMS + surplus;
    const clients = Array.from(
      { length: Math.ceil(total / STREAMS_PER_CLIENT) },
      () => new Http2Client(t, port),
    );
    const pending = Array.from({ length: total }, (_, index) =>
      clients[Math.floor(index / STREAMS_PER_CLIENT)]?.request(),
    );
    await until(() => waiting.length === MAX_LINKS * MAX_STREAMS && east.engine.activeRequests === total);
    assert.equal(wire.connections, MAX_LINKS);
    const perLink = [...west.trunkConnections].map(({ openStreams }) => openStreams);
    assert.deepEqual(perLink, Array(MAX_LINKS).fill(MAX_STREAMS));
    for (const answer of waiting.splice(0)) answer();
    await until(() => waiting.length === surplus);
    for (const answer of waiting.splice(0)) answer();
    const statuses = await Promise.all(pending.map(async (response) => (await response)?.status));
    assert.ok(statuses.every((status) => status === 200));
    assert.equal(wire.connections, MAX_LINKS, 'those that waited found room on the links that there were');
    await until(() => west.trunkConnections.size === 1);
    await sleep(3 * timing.idleMs);
    assert.equal(west.trunkConnections.size, 1);
    assert.equal(east.engine.trunks.reports()[0]?.state, 'up');
    assert.deepEqual(east.lost, []);
  });
});
