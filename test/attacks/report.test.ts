import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AttackReport } from './campaign.ts';
import { lineOf, resultsPage, verdict } from './report.ts';

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

test('the page of a campaign names machine, load, command, each attack and the verdict', () => {
  const hardware = { cpu: 'A CPU', cores: 2, kernel: '6.1', loadAverage: 0.5 };
  const page = resultsPage([good, bad], { hardware, command: 'npm run attacks -- --save', seconds: 60 });
  for (const part of [
    '`npm run attacks -- --save` on A CPU, 2 processors',
    'load average before it 0.50',
    '| ping-flood | 100 / 120 / 110 | 4.0 / 5.0 | 1.25 | 1.0 % / 2.5 % | 1 of 3000 | ping-flood 12 | ok |',
    '**the worker died** |',
    '**1 of 2 attacks broke a bound: slow-body**',
  ]) {
    assert.ok(page.includes(part), `${part}\n${page}`);
  }
});

test('a broken bound is seen in its line and in the verdict', () => {
  assert.match(lineOf(good), /^ok {3}ping-flood\n/);
  assert.match(lineOf(bad), /^FAIL slow-body\n[\s\S]*! the worker died$/);
  assert.equal(verdict([good]), 'all 1 attacks within their bounds');
});
