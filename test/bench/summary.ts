import { ENGINE_NAMES, type EngineName } from './engine.ts';
import type { Scenario } from './scenario.ts';
import { median, rounded } from './statistics.ts';

/** One engine in one round. CPU in µs per request. */
export interface Measurement {
  readonly east: number;
  readonly west: number;
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
  /** What only this scenario has; `a.b` becomes field b of an object a. */
  readonly more?: Readonly<Record<string, number>>;
}

export type Range = readonly [least: number, most: number];
export interface Figures {
  readonly [name: string]: number | Figures;
}

/** Medians of all rounds. */
export interface EngineFigures {
  readonly east: number;
  readonly west: number;
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly ranges: Readonly<Record<string, Range>>;
  readonly rounds: number;
  readonly [more: string]: unknown;
}

export type PeerName = Exclude<EngineName, 'isthmus'>;
type Ratios = Readonly<Record<PeerName, number | null>>;

/** What the benchmark prints with `--json`. */
export interface BenchResult extends Readonly<Record<PeerName, EngineFigures | null>> {
  readonly scenario: string;
  readonly isthmus: EngineFigures;
  /** Which of the figures the ratio is of. */
  readonly ratioOf: string;
  /** Isthmus over the peer; null for a peer that was not measured. */
  readonly ratio: Ratios;
  readonly throughputRatio: Ratios;
  /** Why a peer was not measured. */
  readonly absent: Readonly<Partial<Record<PeerName, string>>>;
  /** Interleaved rounds. */
  readonly pairs: number;
  readonly errors: number;
}

export const PEERS: readonly PeerName[] = ENGINE_NAMES.filter((name) => name !== 'isthmus');

/** @throws when Isthmus was not measured */
export function summarise(
  scenario: Pick<Scenario, 'name' | 'ratioOf'>,
  rounds: ReadonlyMap<EngineName, readonly Measurement[]>,
  absent: BenchResult['absent'] = {},
): BenchResult {
  const isthmus = figuresOf(rounds.get('isthmus'));
  if (isthmus === null) throw new Error('isthmus was not measured');
  const { ratioOf } = scenario;
  const peers = byPeer((peer) => figuresOf(rounds.get(peer)));
  const against = (of: string): Ratios =>
    byPeer((peer) => {
      const figures = peers[peer];
      return figures === null ? null : rounded(figureAt(isthmus, of) / figureAt(figures, of));
    });
  return {
    scenario: scenario.name,
    isthmus,
    ...peers,
    ratioOf,
    ratio: against(ratioOf),
    throughputRatio: against('rps'),
    absent,
    pairs: rounds.get('isthmus')?.length ?? 0,
    errors: [...rounds.values()].flat().reduce((sum, { errors }) => sum + errors, 0),
  };
}

/** By its name with dots; `cpu` is that of both gateways. @throws when there is no such figure */
export function figureAt(figures: EngineFigures, name: string): number {
  if (name === 'cpu') return figures.east + figures.west;
  let value: unknown = figures;
  for (const part of name.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
  if (typeof value !== 'number') throw new Error(`no figure ${name} was measured`);
  return value;
}

function byPeer<T>(of: (peer: PeerName) => T): Record<PeerName, T> {
  return Object.fromEntries(PEERS.map((peer) => [peer, of(peer)])) as Record<PeerName, T>;
}

function figuresOf(measured: readonly Measurement[] = []): EngineFigures | null {
  const [first] = measured;
  if (first === undefined) return null;
  const flat = measured.map(({ errors, more, ...figures }) => ({ ...figures, ...more }));
  const values = (name: string): number[] =>
    flat.map((one) => (one as Record<string, number>)[name] ?? Number.NaN);
  const medianOf = (name: string): number => rounded(median(values(name)));
  const rangeOf = (name: string): Range => [
    rounded(Math.min(...values(name))),
    rounded(Math.max(...values(name))),
  ];
  const names = Object.keys(flat[0] ?? {});
  return {
    east: medianOf('east'),
    west: medianOf('west'),
    rps: medianOf('rps'),
    p50Ms: medianOf('p50Ms'),
    p99Ms: medianOf('p99Ms'),
    ...nested(Object.keys(first.more ?? {}), medianOf),
    ranges: Object.fromEntries(names.map((name) => [name, rangeOf(name)])),
    rounds: measured.length,
  };
}

function nested(names: readonly string[], figureOf: (name: string) => number): Figures {
  const figures: Record<string, unknown> = {};
  for (const name of names) {
    const parts = name.split('.');
    let place = figures;
    for (const part of parts.slice(0, -1)) {
      place[part] ??= {};
      place = place[part] as Record<string, unknown>;
    }
    place[parts.at(-1) ?? ''] = figureOf(name);
  }
  return figures as Figures;
}
