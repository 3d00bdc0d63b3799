import { readFileSync } from 'node:fs';
import { cpuMicros } from '../cpu.ts';
import { residentBytes } from '../memory.ts';

/** Process ids by name; a gateway's is its parent's. */
export type Pids = ReadonlyMap<string, number>;

/** What each process, with its descendants, has used so far, in µs. */
export function usedMicros(pids: Pids): ReadonlyMap<string, number> {
  return new Map([...pids].map(([name, pid]) => [name, cpuMicros(pid)]));
}

export function usedSince(before: ReadonlyMap<string, number>, pids: Pids): ReadonlyMap<string, number> {
  return new Map([...pids].map(([name, pid]) => [name, cpuMicros(pid) - (before.get(name) ?? 0)]));
}

export function totalOf(used: ReadonlyMap<string, number>): number {
  return [...used.values()].reduce((sum, one) => sum + one, 0);
}

export function residentNow(pid: number): number {
  return residentBytes(pid);
}

/** The most that the process itself ever had resident. */
export function peakBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}
