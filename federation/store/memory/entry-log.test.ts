import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EntryLog } from './entry-log.ts';

const RESET = { kind: 'reset' } as const;

function logOf(count: number, keepCount: number): EntryLog {
  const log = new EntryLog(keepCount);
  for (let position = 10; position < 10 * (count + 1); position += 10) log.append(position, RESET);
  return log;
}

it('a log is read from any place, in parts', () => {
  const log = logOf(5, 100);
  assert.deepEqual(log.after(0, 2), { entries: [RESET, RESET], last: 20 });
  assert.deepEqual(log.after(20, 100), { entries: [RESET, RESET, RESET], last: 50 });
  assert.deepEqual(log.after(35, 1), { entries: [RESET], last: 40 });
  assert.deepEqual(log.after(50, 10), { entries: [], last: 50 });
  assert.deepEqual(log.after(999, 10), { entries: [], last: 999 });
});

it('a log forgets its oldest entries', () => {
  const log = logOf(1000, 100);
  const { entries, last } = log.after(0, 10_000);
  assert.ok(entries.length >= 100 && entries.length <= 125);
  assert.equal(last, 10_000);
});
