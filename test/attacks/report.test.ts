import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AttackReport } from './campaign.ts';
import { lineOf, resultsPage, verdict } from './report.ts';
import { readSaved, renewed, savedAttack } from './saved-attacks.ts';

const MIB = 1024 * 1024;
const good: AttackReport = {
  attack: 'ping-flood',
  seconds: 60,
  memoryBytes: { before: 100 * MIB, max: 120 * MIB, after: 110 * MIB },
  apart: { requests: 1000, failed: 0, p99Ms: 4, starved: 0.01 },
  beside: { requests: 3000, failed: 1, p99Ms: 5, starved: 0.025 },
  p99Ratio: 1.25,
  reasons: { 'ping-flood': 12 },
  complaints: [],
};
const bad: AttackReport = { ...good, attack: 'slow-body', complaints: ['the worker died'] };

const machine = 'A CPU, 2 processors, Linux 6.1, Node v26.10.0';
const circumstances = { date: '2026-11-28', loadAverage: 0.5, machine };

test('the page names machine and verdict, and of each attack when and under what load it was measured', () => {
  const page = resultsPage([savedAttack(good, circumstances), savedAttack(bad, circumstances)]);
  for (const part of [
    `On ${machine}.`,
    '| ping-flood | 100 / 120 / 110 | 4.0 / 5.0 | 1.25 | 1.0 % / 2.5 % | 1 of 3000 | ping-flood 12 | ok | 2026-11-28 | 60 | 0.50 |',
    '**the worker died** |',
    '**1 of 2 attacks broke a bound: slow-body**',
  ]) {
    assert.ok(page.includes(part), `${part}\n${page}`);
  }
});

test('a row that is measured again takes the place of the old one, and the verdict follows', () => {
  const saved = [savedAttack(good, circumstances), savedAttack(bad, circumstances)];
  const later = { date: '2026-11-29', loadAverage: null, machine: 'Another CPU' };
  const rows = renewed(saved, [savedAttack({ ...bad, seconds: 30, complaints: [] }, later)]);
  const page = resultsPage(rows);
  assert.deepEqual(
    rows.map(({ attack, date }) => [attack, date]),
    [
      ['ping-flood', '2026-11-28'],
      ['slow-body', '2026-11-29'],
    ],
  );
  for (const part of [
    '**all 2 attacks within their bounds**',
    'ok | 2026-11-29 | 30 | not recorded |',
    `On ${machine}: ping-flood.`,
    'On Another CPU: slow-body.',
  ]) {
    assert.ok(page.includes(part), `${part}\n${page}`);
  }
});

test('rows stand in the order of the attacks, and those of attacks that are no more go', () => {
  const gone = savedAttack({ ...good, attack: 'of-old' }, circumstances);
  const rows = renewed([savedAttack(bad, circumstances), gone], [savedAttack(good, circumstances)]);
  assert.deepEqual(
    rows.map(({ attack }) => attack),
    ['ping-flood', 'slow-body'],
  );
});

test('a broken bound is seen in its line and in the verdict', () => {
  assert.match(lineOf(good), /^ok {3}ping-flood\n/);
  assert.match(lineOf(bad), /^FAIL slow-body\n[\s\S]*! the worker died$/);
  assert.equal(verdict([good]), 'all 1 attacks within their bounds');
});

test('results.md is what results.json says', () => {
  const rows = readSaved(join(import.meta.dirname, 'results.json'));
  assert.equal(readFileSync(join(import.meta.dirname, 'results.md'), 'utf8'), resultsPage(rows));
});
