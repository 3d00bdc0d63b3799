import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { untilJoined } from './join-wait.ts';

/** A clock that only waiting moves. */
function wait(timeoutMs: number) {
  const told: string[] = [];
  let nowMs = 0;
  const sleep = async (ms: number): Promise<void> => {
    nowMs += ms;
  };
  return { told, wait: { timeoutMs, now: () => nowMs, sleep, progress: (text: string) => told.push(text) } };
}

function failing(times: number, failure: UserError) {
  let calls = 0;
  const join = async (): Promise<number> => {
    calls += 1;
    if (calls <= times) throw failure;
    return calls;
  };
  return { join, calls: () => calls };
}

const AWAY = new UserError('no gateway of east could be asked');

describe('joining', () => {
  it('waits for gateways that are not reached yet, and says for what', async () => {
    const scene = wait(60_000);
    assert.equal(await untilJoined(failing(3, AWAY).join, scene.wait), 4);
    assert.deepEqual(scene.told, Array(3).fill('not yet: no gateway of east could be asked'));
  });

  it('does not wait longer than it may', async () => {
    const { join, calls } = failing(100, AWAY);
    await assert.rejects(untilJoined(join, wait(6_000).wait), AWAY);
    assert.equal(calls(), 4);
  });

  for (const refusal of [
    new UserError('west: west cannot join mesh.example: the token was used'),
    new UserError('no token', { exitCode: 2 }),
  ]) {
    it(`does not try again after: ${refusal.message}`, async () => {
      const { join, calls } = failing(100, refusal);
      await assert.rejects(untilJoined(join, wait(60_000).wait), refusal);
      assert.equal(calls(), 1);
    });
  }
});
