import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { get, PAIR_HOST, startPair } from '../fixtures/gateway-pair.ts';

describe('a gateway that is told to end under load', () => {
  it('finishes every request that was sent to it', async (t) => {
    const { east, eastPlan, backend } = await startPair(t);
    const { http } = eastPlan.ports;
    const outcomes: Outcomes = { answered: 0, failed: [], unsent: [] };
    const load = [
      ...Array.from({ length: 12 }, () => keepAskingHttp1(http, outcomes)),
      ...Array.from({ length: 4 }, (_, client) => keepAskingHttp2(http, client, outcomes)),
    ];
    while (outcomes.answered < 300) await sleep(10);
    east.process.kill('SIGTERM');
    assert.deepEqual(await east.exited, { code: 0, signal: null });
    await Promise.all(load);
    assert.deepEqual(outcomes.failed, []);
    const seen = new Set(backend.requests.map((headers) => headers['x-number']));
    assert.deepEqual(
      outcomes.unsent.filter((number) => seen.has(number)),
      [],
    );
  });

  it('takes connections for the delay that it was given, while it says that it is not ready', async (t) => {
    // Long enough for two answers on a busy machine.
    const { east, eastPlan } = await startPair(t, { settings: { drainDelayMs: 5_000 } });
    assert.equal((await east.admin('/drain', 'POST')).status, 202);
    assert.equal((await east.admin('/readyz')).status, 503);
    assert.equal((await get(new Agent(), eastPlan.ports.http, '/')).body, 'west done\n');
    assert.deepEqual(await east.exited, { code: 0, signal: null });
  });

  it('parts with kept HTTP/1.1 connections while others are to be had, by an answer and not in a silence', async (t) => {
    const { east, eastPlan } = await startPair(t, { settings: { drainDelayMs: 600_000 } });
    const { http } = eastPlan.ports;
    const kept = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    t.after(() => {
      for (const agent of kept) agent.destroy();
    });
    for (const agent of kept) assert.equal((await get(agent, http, '/')).lastOfItsConnection, false);
    assert.equal((await east.admin('/drain', 'POST')).status, 202);
    for (const agent of [...kept, new Agent({ keepAlive: true, maxSockets: 1 })]) {
      let last = false;
      // Never an error: each connection ends with an answer that says so.
      while (!last) last = (await get(agent, http, '/')).lastOfItsConnection;
      agent.destroy();
    }
    assert.equal((await get(new Agent(), http, '/')).body, 'west done\n', 'another connection is to be had');
    // It need not wait for the delay's end; of two signals at once a process may see one.
    east.process.kill('SIGKILL');
    await east.exited;
  });

  it('does not wait for connections on which nothing happens', async (t) => {
    const { east, eastPlan } = await startPair(t, {
      settings: { drainGraceMs: 600_000, limits: { headerTimeoutMs: 2_500 } },
    });
    const silent = connect(eastPlan.ports.http, '127.0.0.1');
    const agent = new Agent({ keepAlive: true });
    await get(agent, eastPlan.ports.http, '/');
    t.after(() => agent.destroy());
    east.process.kill('SIGTERM');
    assert.deepEqual(await east.exited, { code: 0, signal: null });
    silent.destroy();
  });

  it('ends at once at the second signal', async (t) => {
    const { east, eastPlan, backend } = await startPair(t, { settings: { drainGraceMs: 600_000 } });
    const agent = new Agent();
    const pending = get(agent, eastPlan.ports.http, '/?delay=600000').catch((error: Error) => error);
    while (backend.requests.length === 0) await sleep(5);
    east.process.kill('SIGTERM');
    while (!east.stderr.includes('"draining"')) await sleep(20);
    east.process.kill('SIGTERM');
    await east.exited;
    assert.ok((await pending) instanceof Error);
  });
});

interface Outcomes {
  answered: number;
  readonly failed: string[];
  /** Numbers of requests that nghttp2 refused by itself: it had queued them when GOAWAY came. */
  readonly unsent: string[];
}

/** One keep-alive connection, until the gateway says that it takes no more on it. */
async function keepAskingHttp1(port: number, outcomes: Outcomes): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (;;) {
    try {
      const { body, lastOfItsConnection } = await get(agent, port, '/?delay=20');
      assert.equal(body, 'west done\n');
      outcomes.answered++;
      if (lastOfItsConnection) break;
    } catch (error) {
      outcomes.failed.push(String(error));
      break;
    }
  }
  agent.destroy();
}

/** Streams on one connection, until the gateway says that it takes no more on it. */
async function keepAskingHttp2(port: number, client: number, outcomes: Outcomes): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', (error) => outcomes.failed.push(String(error)));
  const streams: Promise<void>[] = [];
  let open = true;
  session.once('goaway', () => {
    open = false;
  });
  while (open && !session.closed) {
    const number = `${client}-${streams.length}`;
    const stream = session.request({ ':authority': PAIR_HOST, ':path': '/?delay=20', 'x-number': number });
    streams.push(outcomeOf(stream, number, outcomes));
    await sleep(5);
  }
  await Promise.all(streams);
  session.close();
}

function outcomeOf(stream: ClientHttp2Stream, number: string, outcomes: Outcomes): Promise<void> {
  return new Promise((resolve) => {
    let body = '';
    stream.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8');
    });
    stream.on('error', (error) => {
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) outcomes.unsent.push(number);
      else outcomes.failed.push(String(error));
    });
    stream.on('close', () => {
      if (stream.rstCode === 0 && body === 'west done\n') outcomes.answered++;
      else if (stream.rstCode === 0) outcomes.failed.push(`body ${JSON.stringify(body)}`);
      resolve();
    });
    stream.end();
  });
}
