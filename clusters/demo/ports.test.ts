import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimPortBlock } from './ports.ts';

const HOST = '127.0.0.1';

test('a block that is claimed is not given again, also while its ports are still closed', async () => {
  // The same dice for both: without a claim they would get the same block.
  const same = [0.5, 0.5, 0.7];
  let thrown = 0;
  const random = (): number => same[thrown++ % same.length] ?? 0;
  const first = await claimPortBlock(5, HOST, random);
  const second = await claimPortBlock(5, HOST, random);
  assert.ok(Math.abs(first - second) > 5, `${first} and ${second}`);
});
