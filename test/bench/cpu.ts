import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What both gateways of a pair have used so far, in µs. */
export interface PairCpu {
  readonly east: number;
  readonly west: number;
}

export function cpuOf(pair: { readonly eastPid: number; readonly westPid: number }): PairCpu {
  return { east: cpuMicros(pair.eastPid), west: cpuMicros(pair.westPid) };
}

/** CPU time (user and system, all threads) that a process and its descendants have used so far, in µs. */
export function cpuMicros(pid: number): number {
  let ticks = 0;
  for (const member of familyOf(pid)) ticks += ticksOf(member);
  return (ticks * 1_000_000) / clockTicksPerSecond();
}

/** A process and its descendants, itself first. */
export function familyOf(pid: number): number[] {
  const family = [pid];
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
    for (const child of children === '' ? [] : children.split(' ')) family.push(...familyOf(Number(child)));
  }
  return family;
}

/** Fields 14 and 15 of proc(5)'s stat; the second field may contain spaces, but ends with the last bracket. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function clockTicksPerSecond(): number {
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
}
