import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { SCENARIO_NAMES } from '../scenario.ts';
import type { BenchResult } from '../summary.ts';
import type { Machine } from './machine.ts';

/** One scenario as it was measured. */
export interface SavedResult {
  readonly result: BenchResult;
  /** ISO 8601, UTC, to the day. */
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
}

export function readSaved(path: string): SavedResult[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SavedResult[]) : [];
}

/** Those of other scenarios stay. */
export function save(path: string, fresh: readonly SavedResult[]): SavedResult[] {
  const names = fresh.map(({ result }) => result.scenario);
  const kept = readSaved(path).filter(({ result }) => !names.includes(result.scenario));
  const all = [...kept, ...fresh].sort((a, b) => orderOf(a) - orderOf(b));
  writeFileSync(path, `${JSON.stringify(all, undefined, 2)}\n`);
  return all;
}

function orderOf({ result }: SavedResult): number {
  return SCENARIO_NAMES.indexOf(result.scenario);
}
