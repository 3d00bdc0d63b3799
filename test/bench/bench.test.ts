import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseH2load, parseRequestLog } from './load/h2load.ts';
import { parseWrk, parseWrkLatency } from './load/wrk.ts';
import { readOptions } from './options.ts';
import { median, percentile } from './statistics.ts';
import { type Measurement, summarise } from './summary.ts';

const bench = join(import.meta.dirname, 'bench.ts');

const H2LOAD = `starting benchmark...
finished in 3.12s, 64102.56 req/s, 9.61MB/s
requests: 200000 total, 200000 started, 200000 done, 199990 succeeded, 10 failed, 0 errored, 0 timeout
status codes: 199990 2xx, 0 3xx, 0 4xx, 10 5xx
`;

const WRK = `Running 8s test @ http://127.0.0.1:1/
  Latency Distribution
     50%  612.00us
     75%    1.10ms
     90%    1.90ms
     99%    1.02s
  412345 requests in 8.01s, 99.41MB read
  Socket errors: connect 0, read 3, write 0, timeout 2
  Non-2xx or 3xx responses: 7
Requests/sec:  51478.77
`;

function measured(east: number, west: number, errors = 0): Measurement {
  return { east, west, rps: 1000 * east, p50Ms: 1, p99Ms: 2, errors };
}

describe('the benchmark', () => {
  it('reads what h2load says', () => {
    assert.deepEqual(parseH2load(H2LOAD), { requests: 200_000, rps: 64_102.56, errors: 10 });
    assert.throws(() => parseH2load('h2load: error'), /something unknown/);
  });

  it('reads percentiles out of a request log', () => {
    const log = Array.from({ length: 200 }, (_, i) => `17\t200\t${(200 - i) * 1000}`).join('\n');
    assert.deepEqual(parseRequestLog(`${log}\n`), { p50Ms: 101, p99Ms: 199 });
  });

  it('reads what wrk says', () => {
    assert.deepEqual(parseWrk(WRK), { requests: 412_345, rps: 51_478.77, errors: 12 });
    assert.deepEqual(parseWrkLatency(WRK), { p50Ms: 0.612, p99Ms: 1020, errors: 12 });
  });

  it('compares medians, and counts every error', () => {
    const rounds = new Map([
      ['isthmus', [measured(4, 6), measured(5, 7), measured(90, 80)]],
      ['haproxy', [measured(6, 8, 2), measured(5, 7), measured(4, 6, 1)]],
    ] as const);
    const scenario = { name: 'h2', ratioOf: 'cpu' };
    const result = summarise(scenario, rounds, { envoy: 'not asked for' });
    const { ranges, rounds: count, ...figures } = result.isthmus;
    assert.deepEqual(figures, { east: 5, west: 7, rps: 5000, p50Ms: 1, p99Ms: 2 });
    assert.deepEqual(ranges.west, [6, 80]);
    assert.equal(count, 3);
    assert.deepEqual(result.ratio, { haproxy: 1, envoy: null, nodeHttp2: null, http2Proxy: null });
    assert.equal(result.envoy, null);
    assert.equal(result.absent.envoy, 'not asked for');
    assert.equal(result.pairs, 3);
    assert.equal(result.errors, 3);
  });

  it('nests what only one scenario has, and takes the ratio of it', () => {
    const one = (share: number): Measurement => ({ ...measured(1, 1), more: { 'distance.share': share } });
    const rounds = new Map([
      ['isthmus', [one(0.9), one(0.8)]],
      ['haproxy', [one(0.5)]],
    ] as const);
    const result = summarise({ name: 'distance', ratioOf: 'distance.share' }, rounds);
    assert.deepEqual(result.isthmus.distance, { share: 0.85 });
    assert.equal(result.ratio.haproxy, 1.7);
    assert.throws(() => summarise({ name: 'distance', ratioOf: 'nothing' }, rounds), /no figure nothing/);
  });

  it('takes medians and percentiles', () => {
    assert.equal(median([1, 2, 3, 10]), 2.5);
    assert.equal(percentile([1, 2, 3, 4], 0.5), 2);
    assert.equal(percentile([1, 2, 3, 4], 0.99), 4);
    assert.equal(percentile([7], 0.5), 7);
  });

  it('installs Envoy unless it is told another way', () => {
    const envoyOf = (args: string[], env = {}) => readOptions(['--scenario', 'h2', ...args], env).envoy;
    assert.equal(envoyOf([]), true);
    assert.equal(envoyOf(['--no-envoy']), false);
    assert.equal(envoyOf(['--envoy', '/a']), '/a');
    assert.equal(envoyOf([], { ISTHMUS_BENCH_ENVOY: '/b' }), '/b');
  });

  it('takes several scenarios, in the order given, or all', () => {
    const names = (text: string) => readOptions(['--scenario', text], {}).scenarios.map(({ name }) => name);
    assert.deepEqual(names('h1,h2'), ['h1', 'h2']);
    assert.ok(names('all').length > 5);
  });

  it('says what is wrong with its options', () => {
    const wrong = [
      [],
      ['--scenario', 'h3'],
      ['--scenario', 'h2', '--pairs', '0'],
      ['--scenario', 'propagation', '--services', '200', '--write-results'],
      ['--nonsense'],
    ];
    for (const args of wrong) {
      const { status, stderr } = spawnSync(process.execPath, [bench, ...args], { encoding: 'utf8' });
      assert.equal(status, 2, stderr);
      assert.match(stderr, /hint: npm run bench/);
    }
  });
});
