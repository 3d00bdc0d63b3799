import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { KubeProtocolServer, type ProtocolRequest } from '../../test/fixtures/kube-protocol-server.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import { KubeClient } from './kube-client.ts';

const NODES = { group: '', version: 'v1', plural: 'nodes', namespaced: false };
const STEP_MS = 250;

interface Scene {
  readonly server: KubeProtocolServer;
  readonly relay: TcpRelay;
  readonly client: KubeClient;
  readonly clock: ManualClock;
  readonly returns: () => number;
  /** Lets time pass, and what it brings about, until something is so. */
  readonly until: (holds: () => boolean) => Promise<void>;
}

async function scene(t: TestContext): Promise<Scene> {
  const server = await KubeProtocolServer.start(t);
  const relay = await TcpRelay.start(t, Number(server.credentials.server.port));
  const clock = new ManualClock();
  const through = { ...server.credentials, server: new URL(`https://127.0.0.1:${relay.port}`) };
  const client = new KubeClient(through, clock);
  t.after(() => client.close());
  let returns = 0;
  client.onReturn(() => returns++);
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      clock.advance(STEP_MS);
      await sleep(1);
    }
  };
  return { server, relay, client, clock, returns: () => returns, until };
}

/** Waits until something is so, while no time passes. */
async function standing(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(1);
}

/** How a call ends; undefined while it has not. */
function ending(call: Promise<unknown>): () => string | undefined {
  let end: string | undefined;
  call.then(
    () => {
      end = 'answered';
    },
    (failure) => {
      end = String(failure);
    },
  );
  return () => end;
}

function fail(response: ServerResponse): void {
  response.writeHead(503).end();
}

const probes = ({ requests }: KubeProtocolServer): number =>
  requests.filter(({ path }: ProtocolRequest) => path === '/readyz').length;

describe('an API server that is away', () => {
  it('is asked again and again, and its return is told once', async (t) => {
    const { server, client, returns, until } = await scene(t);
    server.answer = (_, response) => fail(response);
    await assert.rejects(client.get(NODES, { name: 'n' }), /503/);
    await until(() => probes(server) >= 4);
    await assert.rejects(client.get(NODES, { name: 'n' }), /503/);
    // It answers before it is ready: some of what it says then is wrong.
    server.answer = ({ path }, response) => (path === '/readyz' ? fail(response) : response.end('{}'));
    await client.get(NODES, { name: 'n' });
    assert.equal(returns(), 0);
    server.answer = (_, response) => response.end('{}');
    await until(() => returns() === 1);
    const asked = probes(server);
    let steps = 0;
    await until(() => steps++ === 20);
    assert.deepEqual([probes(server), returns()], [asked, 1]);
  });

  it('may have gone without a word: what hangs is given up at its return', async (t) => {
    const { server, relay, client, returns, until } = await scene(t);
    server.answer = (_, response) => response.flushHeaders();
    let open = 0;
    const onOpen = (): number => open++;
    const events = client.watch(NODES, { resourceVersion: '1', silenceMs: 3_600_000, onOpen });
    const watching = ending(events.next());
    await until(() => open === 1);
    relay.freeze();
    // It is late before it is given up.
    const asking = ending(client.get(NODES, { name: 'n' }, { timeoutMs: 3_600_000 }));
    await until(() => relay.connections >= 12);
    assert.deepEqual([returns(), watching(), asking()], [0, undefined, undefined]);
    server.answer = ({ query }, response) =>
      query.has('watch') ? response.flushHeaders() : response.end('{}');
    relay.thawNew();
    await until(() => returns() === 1 && watching() !== undefined && asking() !== undefined);
    for (const end of [watching(), asking()])
      assert.match(end ?? '', /the API server was away|the watch broke off/);
    await client.get(NODES, { name: 'n' });
  });

  it('may go without a word while it fails: a watch that had news in between is given up too', async (t) => {
    const { server, relay, client, returns, until } = await scene(t);
    let watched: ServerResponse | undefined;
    server.answer = ({ query }, response) => {
      if (!query.has('watch')) return fail(response);
      response.flushHeaders();
      watched = response;
    };
    const events = client.watch(NODES, { resourceVersion: '1', silenceMs: 3_600_000 });
    const first = events.next();
    await until(() => watched !== undefined);
    await assert.rejects(client.get(NODES, { name: 'n' }), /503/);
    await until(() => probes(server) >= 2);
    watched?.write('{"type":"BOOKMARK","object":{}}\n');
    assert.equal((await first).done, false);
    const watching = ending(events.next());
    relay.freeze();
    const connections = relay.connections;
    await until(() => relay.connections > connections);
    assert.deepEqual([returns(), watching()], [0, undefined]);
    server.answer = (_, response) => response.end('{}');
    relay.thawNew();
    await until(() => returns() === 1);
    await until(() => watching() !== undefined);
    assert.match(watching() ?? '', /the watch broke off/);
  });

  it('may come back just after something was asked: that is not waited for either', async (t) => {
    const { server, relay, client, returns, until } = await scene(t);
    relay.freeze();
    const ask = (): (() => string | undefined) =>
      ending(client.get(NODES, { name: 'n' }, { timeoutMs: 3_600_000 }));
    const early = ask();
    await until(() => relay.connections >= 6);
    server.answer = (_, response) => response.end('{}');
    const connections = relay.connections;
    const late = ask();
    await standing(() => relay.connections > connections);
    relay.thawNew();
    await until(() => relay.connections > connections + 1);
    await standing(() => returns() === 1 && early() !== undefined);
    assert.equal(late(), undefined, 'it may be merely slow');
    await until(() => late() !== undefined);
    for (const end of [early(), late()]) assert.match(end ?? '', /the API server was away/);
  });

  it('may be slow when it is back: what is asked then, and an answer that is on its way, are waited for', async (t) => {
    const { server, client, clock, returns, until } = await scene(t);
    const answers: ServerResponse[] = [];
    const hold = (response: ServerResponse): void => void answers.push(response);
    server.answer = ({ query }, response) => (query.has('long') ? hold(response) : fail(response));
    const long = ending(client.rawGet('/x?long=1'));
    await standing(() => answers.length === 1);
    await assert.rejects(client.get(NODES, { name: 'n' }), /503/);
    await until(() => probes(server) >= 4);
    answers[0]?.write('[');
    let fresh: (() => string | undefined) | undefined;
    client.onReturn(() => {
      fresh = ending(client.get(NODES, { name: 'n' }));
    });
    const isQuick = (path: string): boolean => path === '/readyz' || path === '/quick';
    server.answer = ({ path }, response) => (isQuick(path) ? response.end('ok') : hold(response));
    await until(() => returns() === 1);
    await standing(() => answers.length === 2);
    clock.advance(1000);
    answers[0]?.write(' ');
    // What was written before it has come, too.
    await client.rawGet('/quick');
    clock.advance(3000);
    await client.rawGet('/quick');
    assert.deepEqual([long(), fresh?.()], [undefined, undefined]);
    for (const answer of answers) answer.end(']');
    await standing(() => long() !== undefined && fresh?.() !== undefined);
    assert.equal(long(), 'answered');
  });

  it('is not away because it is slow, or because one thing fails', async (t) => {
    const { server, client, returns, until } = await scene(t);
    const waiting: ServerResponse[] = [];
    server.answer = ({ path }, response) => {
      if (path === '/readyz') response.end('ok');
      else waiting.push(response);
    };
    const slow = ending(client.get(NODES, { name: 'n' }));
    await until(() => probes(server) > 0);
    await until(() => waiting.length === 1);
    for (const response of waiting) response.end('{}');
    await until(() => slow() === 'answered');
    server.answer = ({ path }, response) => (path === '/readyz' ? response.end('ok') : fail(response));
    for (let count = 0; count < 3; count++) {
      const before = probes(server);
      await assert.rejects(client.get(NODES, { name: 'broken' }), /503/);
      await until(() => probes(server) > before);
    }
    assert.equal(returns(), 0);
  });
});
