import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { workerLimits } from './limits-config.ts';
import {
  decideOverload,
  NO_OVERLOAD,
  type OverloadReadings,
  type OverloadStage,
  type OverloadState,
} from './overload.ts';

const LIMITS = workerLimits.parse({}).overload;
const CALM: OverloadReadings = { heldRatio: 0, activeRequestsRatio: 0, memoryRatio: 0, loopDelayMs: 0 };

/** The stages after readings at their times, from a quiet worker on. */
function stages(...steps: readonly (readonly [nowMs: number, readings: Partial<OverloadReadings>])[]) {
  let state: OverloadState = NO_OVERLOAD;
  return steps.map(([nowMs, readings]): OverloadStage => {
    state = decideOverload(nowMs, state, { ...CALM, ...readings }, LIMITS);
    return state.stage;
  });
}

describe('overload', () => {
  for (const reading of ['heldRatio', 'activeRequestsRatio', 'memoryRatio'] as const) {
    test(`${reading} decides the stage, at once`, () => {
      const at = (value: number) => stages([0, { [reading]: value }])[0];
      assert.deepEqual(
        [0.84, 0.85, 0.94, 0.95, 0.99, 1, 3].map(at),
        ['normal', 'close-idle', 'close-idle', 'refuse-requests', 'refuse-requests'].concat(
          Array(2).fill('refuse-connections'),
        ),
      );
    });
  }

  test('the delay of the event loop counts when it lasts: one pause is none', () => {
    const late = { loopDelayMs: 600 };
    assert.deepEqual(stages([0, { loopDelayMs: 60_000 }], [250, {}]), ['normal', 'normal']);
    assert.deepEqual(stages([0, late], [1, late], [2, late], [3, late]), [
      ...Array(3).fill('normal'),
      'refuse-connections',
    ]);
    assert.deepEqual(
      stages([0, late], [1, late], [2, { loopDelayMs: 10 }], [3, late]),
      Array(4).fill('normal'),
    );
  });

  test('falls stage by stage, each after a time of calm', () => {
    assert.deepEqual(
      stages(
        [0, { heldRatio: 1 }],
        [1000, {}],
        [5999, {}],
        [6000, {}],
        [10_999, {}],
        [11_000, {}],
        [16_000, {}],
      ),
      [...Array(3).fill('refuse-connections'), ...Array(2).fill('refuse-requests'), 'close-idle', 'normal'],
    );
  });

  test('does not flap: the pressure must be well below a stage, and stay there', () => {
    const stay = stages(
      [0, { heldRatio: 0.96 }],
      [1000, { heldRatio: 0.9 }],
      [60_000, { heldRatio: 0.86 }],
      [61_000, { heldRatio: 0.5 }],
      [65_999, { heldRatio: 0.9 }],
      [66_000, { heldRatio: 0.5 }],
      [70_999, { heldRatio: 0.5 }],
    );
    assert.deepEqual(stay, Array(7).fill('refuse-requests'));
  });

  test('rises from any stage, and a rise ends the calm', () => {
    const seen = stages(
      [0, { heldRatio: 0.9 }],
      [1000, {}],
      [5000, { heldRatio: 1 }],
      [6000, {}],
      [10_999, {}],
    );
    assert.deepEqual(seen, ['close-idle', 'close-idle', ...Array(3).fill('refuse-connections')]);
  });
});
