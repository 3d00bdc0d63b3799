import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import {
  startTalkingPods,
  TalkBook,
  type TalkingPods,
  talkServices,
} from '../../test/fixtures/talking-pods.ts';
import { OF_A_LOST_PEER, outcomesOf, TALK_KINDS, Talks } from '../../test/fixtures/talks.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TrunkTiming } from './trunk-timing.ts';

interface World {
  readonly east: TestGateway;
  readonly west: TestGateway;
  readonly talks: Talks;
  /** From east to west; the way from east to north, which comes after west, has none. */
  readonly wire: TcpRelay;
}

async function world(t: TestContext, timing: Partial<TrunkTiming>): Promise<World> {
  const mesh = await TestMesh.create(t, ['east', 'west', 'north']);
  const book = new TalkBook();
  const tcpPort = await freePort();
  const behind = (cluster: string, pods: TalkingPods) =>
    mesh.gateway(cluster, { peers: { east: [1] }, services: talkServices(pods, []) });
  const west = await behind('west', await startTalkingPods(t, 'west', book));
  const north = await behind('north', await startTalkingPods(t, 'north'));
  const wire = await TcpRelay.start(t, await west.listenMesh());
  const east = await mesh.gateway('east', {
    timing: { pingIntervalMs: 100, tickMs: 20, ...timing },
    peers: { west: [wire.port], north: [await north.listenMesh()] },
    services: talkServices(undefined, ['west', 'north'], tcpPort),
  });
  await east.listenOpaque(tcpPort);
  const talks = new Talks(t, { http: await east.listenHttp(), tcp: tcpPort }, book);
  return { east, west, talks, wire };
}

const ALL_WHOLE = TALK_KINDS.map((kind) => [kind, 'west'] as const);

describe('talks of every kind', () => {
  it('are finished on a trunk that its peer drains, while new ones take another', async (t) => {
    const { east, west, talks, wire } = await world(t, {});
    const old = await talks.beginAll();
    for (const connection of west.trunkConnections) connection.drain();
    await until(() => wire.connections === 2);
    const fresh = await talks.beginAll();
    assert.equal(wire.connections, 2);
    for (const talk of [...fresh, ...old]) talk.proceed();
    assert.deepEqual(await outcomesOf(old), ALL_WHOLE);
    assert.deepEqual(await outcomesOf(fresh), ALL_WHOLE);
    await until(() => west.trunkConnections.size === 1);
    assert.deepEqual(east.lost, []);
  });

  it('lose nothing while trunks are replaced by age under load', async (t) => {
    const { east, talks, wire } = await world(t, { maxAgeMs: 300 });
    const throughout = await talks.beginAll();
    let finished = 0;
    const load = TALK_KINDS.map(async (kind) => {
      while (wire.connections < 6) {
        const talk = await talks.begin(kind);
        talk.proceed();
        assert.equal(await talk.outcome, 'west', kind);
        finished++;
      }
    });
    await Promise.all(load);
    for (const talk of throughout) talk.proceed();
    assert.deepEqual(await outcomesOf(throughout), ALL_WHOLE);
    assert.ok(finished >= TALK_KINDS.length);
    assert.deepEqual(east.lost, []);
    assert.ok(east.seen.every(({ attempts, failure }) => attempts === 1 && failure === undefined));
  });

  it('have a clear end when the peer falls silent: elsewhere what may be sent again, broken the rest', async (t) => {
    const { east, talks, wire } = await world(t, { silenceMs: 1_000 });
    const broken = await talks.beginAll();
    wire.freeze();
    // Nobody proceeds, and the response timeout is a minute: it is the silence that ends them.
    assert.deepEqual(await outcomesOf(broken), OF_A_LOST_PEER);
    assert.deepEqual(east.lost, ['west']);
    const [west] = east.engine.trunks.reports();
    assert.equal(west?.problem, 'no sign of life for 1000 ms');
    assert.equal(east.engine.activeRequests, 0);
  });
});
