import type { EngineName } from './engines.ts';
import type { ScenarioName } from './scenario.ts';

/** One engine in one round. CPU in µs per request. */
export interface Measurement {
  readonly east: number;
  readonly west: number;
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

export type EngineFigures = Omit<Measurement, 'errors'>;

/** What the benchmark prints with `--json`. */
export interface BenchResult {
  readonly scenario: ScenarioName;
  readonly isthmus: EngineFigures;
  readonly haproxy: EngineFigures;
  readonly envoy: EngineFigures | null;
  /** Mean CPU of both gateways over the peer's; null for a peer that was not asked for. */
  readonly ratio: { readonly haproxy: number; readonly envoy: number | null };
  readonly pairs: number;
  readonly errors: number;
}

export type Rounds = ReadonlyMap<EngineName, readonly Measurement[]>;

/** @throws when an engine that must be there was not measured. */
export function summarise(scenario: ScenarioName, rounds: Rounds): BenchResult {
  const isthmus = figuresOf(rounds, 'isthmus');
  const haproxy = figuresOf(rounds, 'haproxy');
  const envoy = rounds.has('envoy') ? figuresOf(rounds, 'envoy') : null;
  const all = [...rounds.values()].flat();
  return {
    scenario,
    isthmus,
    haproxy,
    envoy,
    ratio: { haproxy: ratio(isthmus, haproxy), envoy: envoy === null ? null : ratio(isthmus, envoy) },
    pairs: rounds.get('isthmus')?.length ?? 0,
    errors: all.reduce((sum, { errors }) => sum + errors, 0),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function figuresOf(rounds: Rounds, name: EngineName): EngineFigures {
  const measured = rounds.get(name) ?? [];
  if (measured.length === 0) throw new Error(`${name} was not measured`);
  const of = (key: keyof EngineFigures): number => round(median(measured.map((one) => one[key])));
  return { east: of('east'), west: of('west'), rps: of('rps'), p50Ms: of('p50Ms'), p99Ms: of('p99Ms') };
}

function ratio(of: EngineFigures, to: EngineFigures): number {
  return round((of.east + of.west) / (to.east + to.west));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
