import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ATTACKS } from './attacks.ts';
import type { AttackReport } from './campaign.ts';

/** One attack as it was measured, and what of it the page shows. */
export interface SavedAttack {
  readonly attack: string;
  /** ISO 8601, UTC, to the day. */
  readonly date: string;
  readonly seconds: number;
  /** Processes that wanted a CPU, over the last minute before this attack. null = not recorded. */
  readonly loadAverage: number | null;
  /** CPU, processors, kernel and Node. */
  readonly machine: string;
  readonly memoryBytes: AttackReport['memoryBytes'];
  readonly apart: Seen;
  readonly beside: Seen & { readonly requests: number; readonly failed: number };
  readonly p99Ratio: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly complaints: readonly string[];
}

type Seen = Pick<AttackReport['apart'], 'p99Ms' | 'starved'>;

/** What is true of the moment in which an attack was measured. */
export type Circumstances = Pick<SavedAttack, 'date' | 'loadAverage' | 'machine'>;

export function savedAttack(report: AttackReport, circumstances: Circumstances): SavedAttack {
  const { attack, seconds, memoryBytes, beside, p99Ratio, reasons, complaints } = report;
  const apart = { p99Ms: report.apart.p99Ms, starved: report.apart.starved };
  return { attack, ...circumstances, seconds, memoryBytes, apart, beside, p99Ratio, reasons, complaints };
}

/** `fresh` takes the place of what was saved of the same attacks; others stay, but for attacks that are no more. */
export function renewed(saved: readonly SavedAttack[], fresh: readonly SavedAttack[]): SavedAttack[] {
  const rows = new Map([...saved, ...fresh].map((row) => [row.attack, row]));
  return ATTACKS.flatMap(({ name }) => rows.get(name) ?? []);
}

export function readSaved(path: string): SavedAttack[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as SavedAttack[]) : [];
}

export function writeSaved(path: string, rows: readonly SavedAttack[]): void {
  writeFileSync(path, `${JSON.stringify(rows, undefined, 2)}\n`);
}
