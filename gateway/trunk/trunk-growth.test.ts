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

  it('takes what is new over another link while bulk stands on the first', async (t) => {
    const held: (() => void)[] = [];
    const { east, west, wire, port } = await pair(
      t,
      (stream, headers) => {
        stream.respond();
        if (headers[':path'] === '/bulk') stream.resume();
        else if (headers[':path'] === '/held') held.push(() => stream.end());
        else stream.end();
      },
      { timing: { tickMs: 20 } },
    );
    const small = new Http2Client(t, port);
    assert.equal((await small.request()).status, 200);
    const bulk = new Http2Client(t, port).open({ ':path': '/bulk', ':method': 'POST' });
    bulk.on('error', () => undefined);
    const piece = Buffer.alloc(64 * 1024);
    const feed = (): void => {
      while (!bulk.destroyed && bulk.write(piece)) {
        // Until it pushes back.
      }
    };
    bulk.on('drain', feed);
    bulk.once('ready', feed);
    await until(() => (report(east)?.rttMs ?? 0) > 0);
    wire.lag(300);
    while (wire.connections === 1) {
      assert.equal((await small.request()).status, 200);
      await sleep(20);
    }
    await until(() => west.trunkConnections.size === 2);
    const [first, second] = west.trunkConnections;
    // Growth is nothing that a request waits for: until the other link is ready, some may still go the old way.
    const early: Promise<unknown>[] = [];
    while (second?.openStreams === 0) {
      early.push(small.request({ ':path': '/held' }));
      await sleep(20);
    }
    await until(() => held.length === early.length);
    const [before, beside] = [first?.openStreams, second?.openStreams ?? 0];
    const responses = Array.from({ length: 10 }, () => small.request({ ':path': '/held' }));
    await until(() => held.length === early.length + responses.length);
    assert.deepEqual([first?.openStreams, second?.openStreams], [before, beside + responses.length]);
    for (const answer of held) answer();
    bulk.destroy();
    for (const response of responses) assert.equal((await response).status, 200);
    await Promise.all(early);
    assert.deepEqual(east.lost, []);
  });
});

function report(gateway: TestGateway) {
  return gateway.engine.trunks.reports()[0];
}
