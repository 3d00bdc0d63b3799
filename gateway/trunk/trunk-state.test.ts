import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextTrunkStep, type TrunkEvent, type TrunkState, type TrunkStep } from './trunk-state.ts';

const nowMs = 1_000_000;
const half = () => 0.5;
const up: TrunkState = { kind: 'up', sinceMs: nowMs, growing: false };

function run(from: TrunkState, ...events: readonly TrunkEvent[]): TrunkStep {
  let step: TrunkStep = { state: from, effects: [] };
  for (const event of events) step = nextTrunkStep(nowMs, step.state, event, half);
  return step;
}

test('opens at the first request and says that the peer answered', () => {
  assert.deepEqual(run({ kind: 'idle' }, { kind: 'wanted' }), {
    state: { kind: 'connecting' },
    effects: ['dial'],
  });
  assert.deepEqual(run({ kind: 'connecting' }, { kind: 'wanted' }).effects, []);
  assert.deepEqual(run({ kind: 'connecting' }, { kind: 'connected' }), {
    state: up,
    effects: ['report-answered'],
  });
});

test('a first dial that fails makes the peer lost', () => {
  assert.deepEqual(run({ kind: 'connecting' }, { kind: 'dial-failed' }), {
    state: { kind: 'down', sinceMs: nowMs, attempt: 0, retryAtMs: nowMs + 50, dialling: false },
    effects: ['report-lost', 'fail-waiters'],
  });
});

test('a lost connection gets one immediate try; when that fails the peer is lost', () => {
  const redialling = run(up, { kind: 'connection-lost', left: 0 });
  assert.deepEqual(redialling, { state: { kind: 'redialling' }, effects: ['dial'] });
  assert.deepEqual(run(redialling.state, { kind: 'dial-failed' }).effects, ['report-lost', 'fail-waiters']);
  assert.equal(run(redialling.state, { kind: 'connected' }).state.kind, 'up');
});

test('silence makes the peer lost without another try', () => {
  const step = run(up, { kind: 'silent', left: 0 });
  assert.equal(step.state.kind, 'down');
  assert.deepEqual(step.effects, ['report-lost', 'fail-waiters']);
});

test('GOAWAY replaces the connection; being unused does not', () => {
  assert.deepEqual(run(up, { kind: 'connection-draining', left: 0 }).effects, ['dial']);
  assert.deepEqual(run(up, { kind: 'idle-closed', left: 0 }), { state: { kind: 'idle' }, effects: [] });
});

test('one of several connections may go without anything happening', () => {
  for (const kind of ['connection-lost', 'silent', 'connection-draining', 'idle-closed'] as const) {
    assert.deepEqual(run(up, { kind, left: 1 }), { state: up, effects: [] });
  }
});

test('grows by one connection at a time, and a failed growth keeps it up', () => {
  const growing = run(up, { kind: 'wanted' });
  assert.deepEqual(growing.effects, ['dial']);
  assert.deepEqual(run(growing.state, { kind: 'wanted' }).effects, []);
  assert.deepEqual(run(growing.state, { kind: 'dial-failed' }), { state: up, effects: [] });
});

test('a dial under way for growth is the immediate try of a lost connection', () => {
  const step = run(up, { kind: 'wanted' }, { kind: 'connection-lost', left: 0 });
  assert.deepEqual(step, { state: { kind: 'redialling' }, effects: [] });
});

test('while down it is tried again only after the backoff, and requests fail at once before', () => {
  const down = run(up, { kind: 'silent', left: 0 }).state;
  assert.deepEqual(run(down, { kind: 'wanted' }).effects, ['fail-waiters']);
  const later = nextTrunkStep(nowMs + 60, down, { kind: 'wanted' }, half);
  assert.deepEqual(later.effects, ['dial']);
  const failed = nextTrunkStep(nowMs + 70, later.state, { kind: 'dial-failed' }, half);
  assert.deepEqual(failed.state, {
    kind: 'down',
    sinceMs: nowMs,
    attempt: 1,
    retryAtMs: nowMs + 170,
    dialling: false,
  });
  assert.deepEqual(nextTrunkStep(nowMs + 80, later.state, { kind: 'connected' }, half).effects, [
    'report-answered',
  ]);
});

test("another worker's sight of the peer ends the backoff", () => {
  const down = run(up, { kind: 'silent', left: 0 }, { kind: 'peer-answered' }).state;
  assert.deepEqual(run(down, { kind: 'wanted' }).effects, ['dial']);
});

test('a draining trunk begins nothing', () => {
  const draining = run(up, { kind: 'drain' });
  assert.deepEqual(draining, { state: { kind: 'draining' }, effects: ['fail-waiters'] });
  assert.deepEqual(run(draining.state, { kind: 'wanted' }).effects, ['fail-waiters']);
});

test('never two dials at once, and every dial is answered by an event that ends it', () => {
  const events = fc.array(
    fc.constantFrom<TrunkEvent>(
      { kind: 'wanted' },
      { kind: 'connected' },
      { kind: 'dial-failed' },
      { kind: 'connection-lost', left: 0 },
      { kind: 'silent', left: 0 },
      { kind: 'connection-draining', left: 0 },
      { kind: 'idle-closed', left: 0 },
      { kind: 'peer-answered' },
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(events, (sequence) => {
      let state: TrunkState = { kind: 'idle' };
      let dialling = false;
      for (const event of sequence) {
        if ((event.kind === 'connected' || event.kind === 'dial-failed') && !dialling) continue;
        if (event.kind === 'connected' || event.kind === 'dial-failed') dialling = false;
        const step = nextTrunkStep(nowMs, state, event, half);
        if (step.effects.includes('dial')) {
          assert.ok(!dialling, 'two dials at once');
          dialling = true;
        }
        state = step.state;
        const waiting = state.kind === 'connecting' || state.kind === 'redialling';
        assert.ok(!waiting || dialling, 'requests wait for a dial that nobody makes');
      }
    }),
  );
});

/** Numbers from 0 to 1 that look random and are the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When a trunk dials whose peer dies at time 0 and refuses every connection at once; it is looked at every `tickMs`. */
function dialsOfLost(random: () => number, untilMs: number, tickMs: number): number[] {
  const dialsAtMs: number[] = [];
  let state = up;
  const happens = (atMs: number, event: TrunkEvent): void => {
    const step = nextTrunkStep(atMs, state, event, random);
    state = step.state;
    if (!step.effects.includes('dial')) return;
    dialsAtMs.push(atMs);
    happens(atMs, { kind: 'dial-failed' });
  };
  happens(0, { kind: 'connection-lost', left: 0 });
  for (let atMs = tickMs; atMs <= untilMs; atMs += tickMs) happens(atMs, { kind: 'wanted' });
  return dialsAtMs;
}

test('many gateways whose peer dies at one moment come back apart, and each goes on trying', () => {
  const gateways = 100;
  const tickMs = 100;
  const seconds = 30;
  const dials = Array.from({ length: gateways }, (_, seed) =>
    dialsOfLost(seeded(seed), seconds * 1000, tickMs),
  );
  const perTick = new Map<number, number>();
  for (const atMs of dials.flat()) perTick.set(atMs, (perTick.get(atMs) ?? 0) + 1);
  assert.equal(perTick.get(0), gateways, 'the immediate try');
  const most = Math.max(...[...perTick].filter(([atMs]) => atMs >= 2_000).map(([, count]) => count));
  // Evenly spread over the bound of 2 s they would be 10.
  assert.ok(most <= 25, `${most} of ${gateways} dial within one tick`);
  for (const own of dials) {
    const waitsMs = own.slice(1).map((atMs, index) => atMs - (own[index] ?? 0));
    assert.ok(Math.max(...waitsMs) <= 2_000 + tickMs);
    assert.ok(own.length < 100, `${own.length} dials in ${seconds} s`);
  }
});
