import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

it('runs on Node 26 or newer', () => {
  assert.ok(Number.parseInt(process.versions.node, 10) >= 26, `this is ${process.version}`);
});

it('says so before the tests when it does not', () => {
  const preload = `Object.defineProperty(process, 'versions', { value: { node: '20.0.0' } })`;
  const check = join(import.meta.dirname, 'required-node.js');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${preload}`, check],
    { encoding: 'utf8' },
  );
  assert.equal(status, 1);
  assert.match(stderr, /error: the tests need Node 26 or newer.*\nhint: run npm ci/);
});
