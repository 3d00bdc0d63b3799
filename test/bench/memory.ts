import { readFileSync } from 'node:fs';
import { familyOf } from './cpu.ts';

/** Resident memory of a process and its descendants; what they share is counted once for each. */
export function residentBytes(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + residentBytesOf(member), 0);
}

/** Of the one worker that a gateway has, or of the process itself where it has none. */
export function workerResidentBytes(pid: number): number {
  const [, worker] = familyOf(pid);
  return residentBytesOf(worker ?? pid);
}

function residentBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kibibytes) * 1024;
}
