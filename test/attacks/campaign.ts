import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import type { Attack } from './attack.ts';
import { AttackedGateway } from './attacked-gateway.ts';
import type { AttackOrder } from './attacker.ts';
import { type Experience, experience } from './well-behaved-client.ts';

const MIB = 1024 * 1024;
/** The defaults, but for times that an attack of a minute would not see the end of. */
const LIMITS = { idleTimeoutMs: 10_000, flushTimeoutMs: 10_000, tcpIdleTimeoutMs: 10_000 };
const MAX_HELD_BYTES = 64 * MIB;
/**
 * What the worker may grow by: what it may hold, and as much again and some for what it has no control of, such as
 * sockets, TLS, and the heap that V8 has not yet collected.
 */
export const MAX_GROWTH_BYTES = 2 * MAX_HELD_BYTES + 64 * MIB;
export const MAX_P99_RATIO = 2;
/** Below it the machine's own noise decides. */
const LEAST_P99_MS = 3;
/** Of the requests of others. */
const MAX_FAILED_RATIO = 0.01;
const SAMPLE_MS = 100;
const attackerFile = join(import.meta.dirname, 'attacker.ts');

export interface AttackReport {
  readonly attack: string;
  readonly seconds: number;
  readonly memoryBytes: { readonly before: number; readonly max: number; readonly after: number };
  readonly alone: Experience;
  readonly beside: Experience;
  readonly p99Ratio: number;
  /** What was counted while it ran, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What is not as promised; empty = all is well. */
  readonly complaints: readonly string[];
}

/** One attack on a gateway of its own, beside clients that behave. Closes `lifetime`, which has what it started. */
export async function runAttack(attack: Attack, seconds: number, lifetime: Lifetime): Promise<AttackReport> {
  try {
    const gateway = await AttackedGateway.start({ after: (stop) => lifetime.add(stop) }, LIMITS);
    const { victim } = gateway;
    await experience(victim, 1);
    const alone = await experience(victim, Math.max(2, seconds / 6));
    const before = gateway.residentBytes();
    const memory = watchMemory(gateway);
    const attacker = fork(attackerFile, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    lifetime.add(() => ended(attacker));
    attacker.send({ attack: attack.name, victim } satisfies AttackOrder);
    const beside = await experience(victim, seconds);
    await ended(attacker);
    const reasons = Object.fromEntries(await gateway.rejected());
    await gateway.emptied();
    const max = memory.stop();
    const after = gateway.residentBytes();
    const p99Ratio = Math.max(beside.p99Ms, LEAST_P99_MS) / Math.max(alone.p99Ms, LEAST_P99_MS);
    const report = { attack: attack.name, seconds, alone, beside, p99Ratio, reasons };
    const memoryBytes = { before, max, after };
    const complaints = complaintsOf(attack, { ...report, memoryBytes }, await gateway.alive());
    return { ...report, memoryBytes, complaints };
  } finally {
    await lifetime.close();
  }
}

function watchMemory(gateway: AttackedGateway): { stop(): number } {
  let max = 0;
  const timer = setInterval(() => {
    max = Math.max(max, gateway.residentBytes());
  }, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return max;
    },
  };
}

async function ended(attacker: ChildProcess): Promise<void> {
  if (attacker.exitCode !== null || attacker.signalCode !== null) return;
  const exit = once(attacker, 'exit');
  attacker.kill('SIGKILL');
  await exit;
  // What it had in its sockets is still read.
  await sleep(100);
}

function complaintsOf(
  { reasons: expected }: Attack,
  report: Omit<AttackReport, 'complaints'>,
  alive: boolean,
): string[] {
  const { memoryBytes, p99Ratio, beside, reasons } = report;
  const complaints: string[] = [];
  if (!alive) complaints.push('the worker died');
  if (memoryBytes.max - memoryBytes.before > MAX_GROWTH_BYTES) {
    complaints.push(`memory grew by more than ${MAX_GROWTH_BYTES / MIB} MiB`);
  }
  if (p99Ratio > MAX_P99_RATIO) complaints.push(`others waited more than ${MAX_P99_RATIO} times as long`);
  if (beside.failed > MAX_FAILED_RATIO * beside.requests) {
    complaints.push(`${beside.failed} of ${beside.requests} requests of others failed`);
  }
  if (!expected.some((reason) => (reasons[reason] ?? 0) > 0)) {
    complaints.push(`isthmus_rejected_total does not name ${expected.join(' or ')}`);
  }
  return complaints;
}
