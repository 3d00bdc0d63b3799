import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BenchResult, type Measurement, summarise } from '../summary.ts';
import type { Machine } from './machine.ts';
import { renderResults } from './page.ts';
import { barChart, shown } from './svg.ts';
import { judge } from './targets.ts';

const MACHINE: Machine = {
  cpu: 'Some CPU',
  cores: 2,
  kernel: '6.1.0',
  loadAverage: 0.5,
  versions: { Node: 'v26.0.0', HAProxy: '2.6.12' },
};

function measured(cpu: number, rps = 1000, more: Record<string, number> = {}): Measurement {
  return { east: cpu / 2, west: cpu / 2, rps, p50Ms: 1, p99Ms: 2, errors: 0, more };
}

function resultOf(name: string, isthmus: Measurement, haproxy: Measurement, envoy: Measurement): BenchResult {
  const rounds = new Map([
    ['isthmus', [isthmus]],
    ['haproxy', [haproxy]],
    ['envoy', [envoy]],
  ] as const);
  return summarise({ name, ratioOf: 'cpu' }, rounds, { nodeHttp2: 'a reason' });
}

function verdictsOf(result: BenchResult): string[] {
  return judge([result])
    .filter(({ target }) => target.scenario === result.scenario)
    .map(({ verdict }) => verdict);
}

describe('the report of the benchmark', () => {
  it('judges CPU against each peer', () => {
    assert.deepEqual(verdictsOf(resultOf('h2', measured(9), measured(10), measured(20))), ['goal', 'needed']);
    assert.deepEqual(verdictsOf(resultOf('h2', measured(11), measured(10), measured(100))), [
      'short',
      'goal',
    ]);
  });

  it('judges bodies against the better peer, whichever that is', () => {
    const of = (isthmus: number): string[] =>
      verdictsOf(resultOf('body-1m', measured(1, isthmus), measured(1, 50), measured(1, 100)));
    assert.deepEqual([of(79), of(80), of(100)], [['short'], ['needed'], ['goal']]);
    const cheap = resultOf('body-16k', measured(8), measured(10), measured(30));
    assert.deepEqual(verdictsOf(cheap), ['needed']);
  });

  it('has a place for changes that were lost in any round', () => {
    const round = (lost: number): Measurement =>
      measured(1, 325, {
        'propagation.lost': lost,
        'propagation.initialSync.seconds': 31,
        'propagation.rssPeakBytes.westFederation': 5e8,
      });
    const rounds = new Map([['isthmus', [round(0), round(0), round(2)]]] as const);
    const result = summarise({ name: 'propagation', ratioOf: 'cpu' }, rounds);
    assert.deepEqual(verdictsOf(result), ['short', 'goal', 'goal', 'short', 'goal']);
    const page = renderResults([{ result, date: '2026-01-02', command: 'npm run it', machine: MACHINE }]).get(
      'results.md',
    );
    assert.match(
      page ?? '',
      /not seen within 10 s, at most \| 2.00 changes \| ≤ 0 \| ≤ 0 \| \*\*falls short/,
    );
  });

  it('says of what is not there that it was not measured', () => {
    assert.ok(judge([]).every(({ verdict }) => verdict === 'not measured'));
  });

  it('has a page that says what falls short, how, where and why a peer is missing, and a plot', () => {
    const result = resultOf('h2', measured(11), measured(10), measured(20));
    const files = renderResults([{ result, date: '2026-01-02', command: 'npm run it', machine: MACHINE }]);
    const page = files.get('results.md') ?? '';
    assert.match(page, /^Falls short: h2 \(CPU, × HAProxy\); h2 \(CPU, × Envoy\)\.$/m);
    assert.match(page, /^Not measured: .*distance/m);
    assert.match(page, /`npm run it`, 2026-01-02/);
    assert.match(page, /node:http2 \| a reason/);
    assert.match(page, /2 cores of Some CPU, Linux 6\.1\.0; Node v26\.0\.0, HAProxy 2\.6\.12/);
    assert.match(files.get('plots/h2.svg') ?? '', /<svg[\s\S]*Isthmus[\s\S]*Envoy/);
  });

  it('draws bars to one scale, with text that is no markup', () => {
    const bar = { value: 5, least: 4, most: 10, colour: '#000000' };
    const svg = barChart({ title: 'a < b', unit: 'µs', bars: [{ ...bar, label: 'x & y' }] });
    assert.match(svg, /a &lt; b \(µs\)/);
    assert.match(svg, /x &amp; y/);
    assert.match(svg, /<rect x="120" y="44" width="195"/);
    assert.deepEqual([0.1234, 12.34, 1234.5, 0].map(shown), ['0.123', '12.3', '1,235', '0']);
  });
});
