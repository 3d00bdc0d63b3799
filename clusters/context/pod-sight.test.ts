import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stillMembers } from './context-leave.ts';
import { podSights } from './pod-sight.ts';

const pod = (name: string, status: object, more: object = {}) => ({ metadata: { name, ...more }, status });
const READY = { conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [{ restartCount: 2 }] };

describe('pods', () => {
  it('are ready, or say why they are not', () => {
    const waiting = { reason: 'ImagePullBackOff', message: 'no such image' };
    const sights = podSights([
      pod('a', READY),
      pod('b', { containerStatuses: [{ state: { waiting } }] }),
      pod('c', {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', message: 'no node' }],
      }),
      pod('crashed', {
        containerStatuses: [
          {
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } },
            lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } },
          },
        ],
      }),
      pod('starting', {
        conditions: [{ type: 'Ready', status: 'False', message: 'not yet' }],
        containerStatuses: [{ state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }],
      }),
      pod('d', READY, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    ]);
    assert.deepEqual(
      sights.map(({ name, ready, restarts, problem }) => [name, ready, restarts, problem]),
      [
        ['a', true, 2, undefined],
        ['b', false, 0, 'ImagePullBackOff: no such image'],
        ['c', false, 0, 'no node'],
        [
          'crashed',
          false,
          0,
          'CrashLoopBackOff: back-off 10s; it ended before with exit code 137 (OOMKilled)',
        ],
        ['starting', false, 0, 'not yet'],
      ],
    );
    assert.deepEqual(
      sights.filter(({ running }) => running).map(({ name }) => name),
      ['a', 'starting'],
    );
  });

  it('are members until they started again or are gone', () => {
    const up = { ready: true, running: true, problem: undefined };
    const sight = (name: string, restarts: number) => ({ name, restarts, ...up });
    const before = [sight('a', 0), sight('b', 3), sight('c', 0)];
    assert.deepEqual(stillMembers(before, [sight('a', 0), sight('b', 4), sight('d', 0)]), ['a']);
  });
});
