import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CorpusEntry, FuzzCampaign } from './campaign.ts';

const ROUNDS = 300;

test('cases that once failed', async (t) => {
  const corpus = JSON.parse(readFileSync(join(import.meta.dirname, 'corpus.json'), 'utf8')) as CorpusEntry[];
  const campaign = new FuzzCampaign();
  t.after(() => campaign.close());
  for (const { target, seed } of corpus) await campaign.run(target, seed);
  assert.deepEqual(campaign.failures, []);
});

test('a few cases of each target', async (t) => {
  const campaign = new FuzzCampaign();
  t.after(() => campaign.close());
  for (let seed = 1; seed <= ROUNDS; seed++) await campaign.round(seed);
  assert.deepEqual(campaign.failures, []);
  assert.equal(campaign.total, 5 * ROUNDS);
});
