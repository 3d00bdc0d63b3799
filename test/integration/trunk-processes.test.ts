import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { get, startGateway, workersOf } from '../fixtures/gateway-pair.ts';
import { type GatewayProcess, gatewayPorts } from '../fixtures/gateway-process.ts';
import { startTalkingPods, TalkBook, type TalkingPods, talkServices } from '../fixtures/talking-pods.ts';
import { OF_A_LOST_PEER, outcomesOf, TALK_KINDS, Talks } from '../fixtures/talks.ts';
import { TcpRelay } from '../fixtures/tcp-relay.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';

const WORKERS = 2;

interface Trio {
  readonly east: GatewayProcess;
  readonly west: GatewayProcess;
  /** From east to west; the way from east to north, which comes after west, has none. */
  readonly wire: TcpRelay;
  readonly talks: Talks;
  readonly book: TalkBook;
  readonly httpPort: number;
}

/** East with two workers and clients, west and north with pods. */
async function trio(t: TestContext): Promise<Trio> {
  const folder = tempFolder(t);
  const clusterset = await TestClusterset.create(['east', 'west', 'north']);
  const book = new TalkBook();
  const eastPorts = await gatewayPorts();
  const behind = async (cluster: string, pods: TalkingPods) => {
    const ports = await gatewayPorts();
    const gateway = await startGateway(t, join(folder, cluster), clusterset, {
      cluster,
      ports,
      services: talkServices(pods, []),
      peers: { east: [eastPorts.mesh] },
    });
    await gateway.ready();
    return { gateway, ports };
  };
  const [west, north] = await Promise.all([
    behind('west', await startTalkingPods(t, 'west', book)),
    behind('north', await startTalkingPods(t, 'north')),
  ]);
  const wire = await TcpRelay.start(t, west.ports.mesh);
  const tcpPort = await freePort();
  const east = await startGateway(t, join(folder, 'east'), clusterset, {
    cluster: 'east',
    ports: eastPorts,
    services: talkServices(undefined, ['west', 'north'], tcpPort),
    peers: { west: [wire.port], north: [north.ports.mesh] },
    workers: WORKERS,
  });
  await east.ready();
  while ((await workersOf(east)).length < WORKERS) await sleep(20);
  await Promise.all([east.reaches('west'), east.reaches('north')]);
  const talks = new Talks(t, { http: eastPorts.http, tcp: tcpPort }, book);
  return { east, west: west.gateway, wire, talks, book, httpPort: eastPorts.http };
}

describe('the trunks of a pod of two workers', () => {
  it('are one, kept warm, before the first request, and one for each worker that has some', async (t) => {
    const { east, wire, book, httpPort } = await trio(t);
    await sleep(500);
    // Those that are open: on a busy machine one may be given up, and another takes its place.
    assert.ok(wire.open <= 1, `${wire.open} connections`);
    await east.reaches('west');
    // Each comes by a connection of its own, and the workers take them in turn.
    const ask = async (number: string): Promise<void> => {
      book.released(number).resolve();
      await get(new Agent(), httpPort, '/', { 'x-talk': number });
    };
    for (let count = 0; count < 20 || wire.open < WORKERS; count++) await ask(`lazy-${count}`);
    assert.equal(wire.open, WORKERS);
  });
});

describe('a peer whose processes are stopped', () => {
  it('ends every kind of talk clearly, is avoided, and is found again when it goes on', async (t) => {
    const { east, west, talks } = await trio(t);
    const broken = [...(await talks.beginAll()), ...(await talks.beginAll())];
    const pids = [...(await workersOf(west)), west.process.pid ?? 0];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      assert.deepEqual(await outcomesOf(broken), [...OF_A_LOST_PEER, ...OF_A_LOST_PEER]);
      while ((await east.trunkTo('west'))?.up !== false) await sleep(20);
      const avoiding = await talks.begin('tcp');
      avoiding.proceed();
      assert.equal(await avoiding.outcome, 'north');
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
    await east.reaches('west');
    const after = await talks.begin('grpc');
    after.proceed();
    // It comes back by steps.
    assert.match(await after.outcome, /^(west|north)$/);
  });
});

describe('a peer that is told to end', () => {
  it('finishes every kind of talk, while new ones go elsewhere', async (t) => {
    const { east, west, talks } = await trio(t);
    const old = await talks.beginAll();
    west.process.kill('SIGTERM');
    while (!west.stderr.includes('"draining"')) await sleep(20);
    while ((await east.trunkTo('west'))?.up !== false) await sleep(20);
    const fresh = await talks.begin('tcp');
    fresh.proceed();
    assert.equal(await fresh.outcome, 'north');
    for (const talk of old) talk.proceed();
    assert.deepEqual(
      await outcomesOf(old),
      TALK_KINDS.map((kind) => [kind, 'west']),
    );
    assert.deepEqual(await west.exited, { code: 0, signal: null });
  });
});
