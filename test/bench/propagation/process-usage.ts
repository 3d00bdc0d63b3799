import { readFileSync } from 'node:fs';
import { cpuMicros, familyOf } from '../cpu.ts';
import { residentBytes } from '../memory.ts';

/** Process ids by name; a gateway's is its parent's. */
export type Pids = ReadonlyMap<string, number>;

/** What each process, with its descendants, has used so far, in µs. */
export function usedMicros(pids: Pids): ReadonlyMap<string, number> {
  return new Map([...pids].map(([name, pid]) => [name, cpuMicros(pid)]));
}

/** All processes of each, by its name: what one of them used that ends is in no sum after it. */
export function familiesOf(pids: Pids): ReadonlyMap<string, readonly number[]> {
  return new Map([...pids].map(([name, pid]) => [name, familyOf(pid)]));
}

/** @throws where a process of then is not there any more */
export function checkFamilies(before: ReadonlyMap<string, readonly number[]>, pids: Pids): void {
  for (const [name, pid] of pids) {
    const now = familyOf(pid);
    const gone = before.get(name)?.filter((member) => !now.includes(member)) ?? [];
    if (gone.length > 0)
      throw new Error(`a process of ${name} ended in the middle of a round: ${gone.join(', ')}`);
  }
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
