import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { missingKubeApiServer } from '../fixtures/kube-api-server.ts';
import { missingTools } from '../fixtures/requirement.ts';
import type { BenchResult, Figures } from './summary.ts';

const run = promisify(execFile);
const missing = missingTools('haproxy', 'nginx', 'h2load', 'wrk');
const PATIENCE = { timeout: 600_000 };

describe('the benchmark as a whole', { skip: missing }, () => {
  // TCP is what the fewest engines can do: the quickest scenario.
  it('measures real gateways and prints one object for a scenario', async () => {
    const args = ['--scenario', 'tcp', '--quick', '--pairs', '1', '--no-envoy', '--json'];
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'bench.ts'), ...args]);
    const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as BenchResult;
    assert.equal(result.scenario, 'tcp');
    assert.equal(result.errors, 0);
    assert.equal(result.envoy, null);
    assert.equal(result.ratio.envoy, null);
    assert.match(result.absent.envoy ?? '', /--no-envoy/);
    assert.equal(result.absent.nodeHttp2, 'it is a gateway for HTTP only');
    for (const figures of [result.isthmus, result.haproxy]) {
      assert.ok(figures !== null);
      for (const key of ['east', 'west', 'rps', 'p50Ms', 'p99Ms'] as const) assert.ok(figures[key] > 0, key);
      assert.ok(figures.p99Ms >= figures.p50Ms);
    }
    assert.ok((result.ratio.haproxy ?? 0) > 0);
  });
});

describe('the benchmark of the control planes', { skip: missingTools('redis-server') }, () => {
  it('measures changes in a real cluster', { ...PATIENCE, skip: missingKubeApiServer() }, async () => {
    const args = ['--scenario', 'propagation', '--quick', '--pairs', '1', '--services', '40', '--json'];
    // How many come through in time is a figure of this machine: other work on it makes some late, which are `errors`.
    const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'bench.ts'), ...args]).catch(
      (failure: { readonly stdout: string; readonly stderr: string }) => {
        assert.match(
          failure.stderr,
          /^error: \d+ changes could not be written, or were not seen within 10 s$/m,
        );
        return failure;
      },
    );
    const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as BenchResult;
    assert.equal(result.scenario, 'propagation');
    assert.equal(result.haproxy, null);
    const { isthmus } = result;
    // A change that could not be written is no matter of the machine's.
    assert.equal(isthmus.ranges['propagation.failedWrites']?.[1], 0);
    const ofScenario = isthmus.propagation as Figures;
    assert.ok(isthmus.p99Ms >= isthmus.p50Ms && isthmus.p50Ms > 0);
    assert.ok(Number((ofScenario.initialSync as Figures).seconds) > 0);
    const cpu = ofScenario.cpuPerChangeMicros as Figures;
    const sum = (...names: string[]): number => names.reduce((total, name) => total + Number(cpu[name]), 0);
    assert.ok(Math.abs(isthmus.east - sum('eastFederation', 'eastGateway')) < 1);
    assert.ok(Math.abs(isthmus.west - sum('westFederation', 'westGateway')) < 1);
    assert.ok(Number((ofScenario.all as Figures).count) > 0);
  });
});
