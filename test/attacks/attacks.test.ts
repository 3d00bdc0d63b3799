import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttackedGateway } from './attacked-gateway.ts';
import { ATTACKS } from './attacks.ts';

const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** Short, so that the slow ones are over soon; their real values are tested with a clock of their own. */
const LIMITS = {
  // What an attack inside TLS has on a busy machine until it has begun.
  handshakeTimeoutMs: 3_000,
  headerTimeoutMs: 1_000,
  idleTimeoutMs: 1_000,
  flushTimeoutMs: 1_000,
  // What a client leaves behind that resets while nobody reads from it is found by its stillness alone.
  tcpIdleTimeoutMs: 3_000,
  maxHeldBytes: MAX_HELD_BYTES,
  // One attack after the other, without the calm that overload wants between them.
  overload: { closeIdleAt: 10, refuseRequestsAt: 10, refuseConnectionsAt: 10 },
};

const LOOKS = 50;
const LOOK_EVERY_MS = 100;

// What is held for ever, or counted as less than nothing, would be waited for without an end.
describe('an attack', { timeout: 600_000 }, () => {
  const cleanups: (() => void | Promise<void>)[] = [];
  let gateway: AttackedGateway;

  before(async () => {
    gateway = await AttackedGateway.start({ after: (stop) => cleanups.push(stop) }, LIMITS);
  });
  after(async () => {
    for (const stop of cleanups.reverse()) await stop();
  });

  /** Whether one of the reasons was counted, and all that was: a scrape leaves a busy worker out, so there are several. */
  async function countedSince(earlier: ReadonlyMap<string, number>, reasons: readonly string[]) {
    for (let look = 1; ; look++) {
      const later = await gateway.rejected();
      const counted = [...later].filter(([reason, count]) => count > (earlier.get(reason) ?? 0));
      const named = counted.some(([reason]) => reasons.includes(reason));
      if (named || look === LOOKS) return [named, counted] as const;
      await sleep(LOOK_EVERY_MS);
    }
  }

  for (const { name, abuse, reasons, attempt } of ATTACKS) {
    test(`${name}: ${abuse}`, async () => {
      const earlier = await gateway.rejected();
      await attempt(gateway.victim);
      const [named, counted] = await countedSince(earlier, reasons);
      assert.ok(named, `counted ${JSON.stringify(counted)}, not ${reasons.join(' or ')}`);
      assert.ok(await gateway.alive(), 'its worker lives');
      await gateway.emptied();
    });
  }

  test('of all kinds at once holds no more than it may, and leaves nothing behind', async () => {
    let most = 0;
    let over = false;
    const watch = async (): Promise<void> => {
      while (!over) most = Math.max(most, await gateway.heldBytes());
    };
    const attempts = ATTACKS.flatMap(({ attempt }) =>
      Array.from({ length: 3 }, () => attempt(gateway.victim)),
    );
    const watching = watch();
    await Promise.all(attempts);
    over = true;
    await watching;
    // What the kernel did not take of what was written is counted, but cannot be refused.
    assert.ok(most < 3 * MAX_HELD_BYTES, `${most} bytes`);
    assert.ok(await gateway.alive());
    await gateway.emptied();
  });
});
