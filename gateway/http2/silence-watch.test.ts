import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type PeerSigns, SilenceWatch } from './silence-watch.ts';

const LIMITS = { silenceMs: 5_000, pingTimeoutMs: 15_000 };
const MINUTE_MS = 60_000;

/** A peer whose connection is looked at each second, and what it is asked. */
class Watched {
  readonly pingsAtMs: number[] = [];
  lostAtMs: number | undefined;
  nowMs = 0;
  answers = true;
  signs: { -readonly [Name in keyof PeerSigns]: PeerSigns[Name] } = {
    busy: true,
    heardAtMs: 0,
    messages: 0,
    requests: 1,
  };
  readonly #watch = new SilenceWatch(LIMITS);

  run(durationMs: number): this {
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs; ) this.look(1_000);
    return this;
  }

  look(laterMs: number): void {
    this.nowMs += laterMs;
    const verdict = this.#watch.look(this.nowMs, this.signs);
    if (verdict === 'lost') this.lostAtMs ??= this.nowMs;
    if (verdict !== 'ping') return;
    this.pingsAtMs.push(this.nowMs);
    if (this.answers) this.signs.heardAtMs = this.nowMs;
  }

  message(): void {
    this.signs.messages++;
    this.signs.heardAtMs = this.nowMs;
  }
}

describe('a silent peer', () => {
  test('is asked twice, and no more while it only answers that', () => {
    const peer = new Watched().run(60 * MINUTE_MS);
    assert.deepEqual(peer.pingsAtMs, [6_000, 31_000]);
    assert.equal(peer.lostAtMs, undefined);
  });

  test('that does not answer is lost', () => {
    const peer = new Watched();
    peer.answers = false;
    peer.run(MINUTE_MS);
    assert.deepEqual(peer.pingsAtMs, [6_000]);
    assert.equal(peer.lostAtMs, 21_000);
  });

  test('that dies after its first answer is lost by the second question', () => {
    const peer = new Watched().run(10_000);
    peer.answers = false;
    peer.run(MINUTE_MS);
    assert.equal(peer.lostAtMs, 46_000);
  });

  test('is asked again when it has sent something since, but not because we did', () => {
    const peer = new Watched().run(2 * MINUTE_MS);
    peer.signs.requests++;
    assert.equal(peer.run(MINUTE_MS).pingsAtMs.length, 2);
    peer.message();
    assert.equal(peer.run(MINUTE_MS).pingsAtMs.length, 4);
  });

  test('that had its questions long ago is asked once more for the sake of a new request', () => {
    const peer = new Watched().run(60 * MINUTE_MS);
    for (let count = 0; count < 10; count++) {
      peer.signs.requests++;
      peer.run(MINUTE_MS);
    }
    const [, second = 0, third = 0, fourth = 0, fifth] = peer.pingsAtMs;
    assert.ok(third - second >= 59 * MINUTE_MS && fourth - third >= 5.5 * MINUTE_MS);
    assert.equal(fifth, undefined);
  });

  test('owes nothing without a stream', () => {
    const peer = new Watched();
    peer.signs.busy = false;
    assert.deepEqual(peer.run(60 * MINUTE_MS).pingsAtMs, []);
    peer.signs.busy = true;
    peer.run(5_000);
    assert.deepEqual(peer.pingsAtMs, [], 'its time begins with the stream');
    assert.equal(peer.run(MINUTE_MS).pingsAtMs.length, 2);
  });

  test('is not lost because we stood still', () => {
    const peer = new Watched();
    peer.answers = false;
    peer.run(10_000);
    peer.look(10 * MINUTE_MS);
    peer.run(14_000);
    assert.equal(peer.lostAtMs, undefined);
    peer.run(1_000);
    assert.ok(peer.lostAtMs !== undefined);
  });
});

test('0 asks nobody', () => {
  const watch = new SilenceWatch({ ...LIMITS, silenceMs: 0 });
  const signs = { busy: true, heardAtMs: 0, messages: 0, requests: 1 };
  for (let nowMs = 0; nowMs < 10 * MINUTE_MS; nowMs += 1_000) assert.equal(watch.look(nowMs, signs), 'well');
});

/** The rule of gRPC's servers (chttp2's ping_abuse_policy, grpc-go's http2_server): true = too_many_pings. */
class StrikingServer {
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #strikes = 0;

  sent(): void {
    this.#lastPingMs = Number.NEGATIVE_INFINITY;
    this.#strikes = 0;
  }

  pinged(nowMs: number): boolean {
    if (nowMs - this.#lastPingMs < 5 * MINUTE_MS) this.#strikes++;
    this.#lastPingMs = nowMs;
    return this.#strikes > 2;
  }
}

test('whatever happens, a server that counts strikes as gRPC does has no third', () => {
  const happening = fc.record({
    afterMs: fc.integer({ min: 0, max: 400_000 }),
    what: fc.constantFrom('message', 'request', 'idle', 'busy'),
  });
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
      const peer = new Watched();
      const server = new StrikingServer();
      // With which the connection began.
      server.pinged(0);
      for (const { afterMs, what } of happenings) {
        const before = peer.pingsAtMs.length;
        peer.run(afterMs);
        for (const atMs of peer.pingsAtMs.slice(before)) assert.equal(server.pinged(atMs), false);
        if (what === 'message') {
          peer.message();
          server.sent();
          // As the connection may do with the first byte, to measure its windows.
          assert.equal(server.pinged(peer.nowMs), false);
        } else if (what === 'request') peer.signs.requests++;
        else peer.signs.busy = what === 'busy';
      }
    }),
  );
});
