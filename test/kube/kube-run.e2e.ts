import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeRun } from './kube-run.ts';
import { missingNodes } from './requirement.ts';

const POLL_MS = 100;

/** Makes a cluster, tells where it is, and waits for its end without tidying up. */
const PROGRAM = `
  import { KubeRun } from '${import.meta.dirname}/kube-run.ts';
  const run = await KubeRun.start({ after: () => undefined });
  const cluster = await run.up('lost', 1);
  console.log(cluster.kubeconfig, cluster.nodeAddress);
  setInterval(() => undefined, 1_000);
`;

describe('KubeRun', { skip: missingNodes() }, () => {
  it('leaves nothing behind when the tests are killed, and does not disturb another run', async (t) => {
    const run = await KubeRun.start(t);
    const kept = await run.up('kept', 1);
    const tests = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => tests.kill('SIGKILL'));
    const [line]: string[] = await once(createInterface(tests.stdout), 'line');
    const [kubeconfig = '', address] = (line ?? '').split(' ');
    assert.notEqual(address, kept.nodeAddress);
    assert.ok(existsSync(kubeconfig));
    tests.kill('SIGKILL');
    // The test runner's own limit ends the wait for what never comes.
    while (existsSync(dirname(kubeconfig))) await sleep(POLL_MS);
    assert.equal(await kept.kubectl(['get', 'nodes', '-o', 'name']), 'node/kept\n');
  });
});
