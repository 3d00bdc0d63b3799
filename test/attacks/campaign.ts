import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import type { Attack } from './attack.ts';
import { AttackedGateway, LEAST_PRIORITY } from './attacked-gateway.ts';
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
/** Of the time: with more of it a p99 is the machine's. It fails nevertheless, for nothing is shown. */
const MAX_STARVED = 0.05;
/** Below it the machine's own noise decides. */
const LEAST_P99_MS = 3;
/** Of the requests of others. */
const MAX_FAILED_RATIO = 0.01;
const SAMPLE_MS = 100;
const LEAD_MS = 1000;
/** For what is held to go after an attack: longer than any of its times. */
const EMPTY_MS = 30_000;
const attackerFile = join(import.meta.dirname, 'attacker.ts');

export interface AttackReport {
  readonly attack: string;
  readonly seconds: number;
  readonly memoryBytes: { readonly before: number; readonly max: number; readonly after: number };
  /** What others see while the same attack goes to another gateway on this machine, and while it goes to theirs. */
  readonly apart: Experience & Starved;
  readonly beside: Experience & Starved;
  readonly p99Ratio: number;
  /** What was counted while it ran, by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What is not as promised; empty = all is well. */
  readonly complaints: readonly string[];
}

interface Starved {
  /** Share of the time in which the others' worker could have run and had no processor: what no gateway can help. */
  readonly starved: number;
}

/** One attack on a gateway of its own, beside clients that behave. Closes `lifetime`, which has what it started. */
export async function runAttack(attack: Attack, seconds: number, lifetime: Lifetime): Promise<AttackReport> {
  try {
    const start = () => AttackedGateway.start({ after: (stop) => lifetime.add(stop) }, LIMITS);
    const [bystander, gateway] = [await start(), await start()];
    await experience(gateway.victim, 1);
    const apartSeconds = Math.max(2, seconds / 3);
    const apart = await during(attack, bystander, lifetime, () => starvation(gateway, apartSeconds));
    await bystander.emptied(EMPTY_MS);
    const before = gateway.residentBytes();
    const memory = watchMemory(gateway);
    const beside = await during(attack, gateway, lifetime, () => starvation(gateway, seconds));
    const reasons = Object.fromEntries(await gateway.rejected());
    const emptied = await gateway.emptied(EMPTY_MS);
    const memoryBytes = { before, max: memory.stop(), after: gateway.residentBytes() };
    const p99Ratio = Math.max(beside.p99Ms, LEAST_P99_MS) / Math.max(apart.p99Ms, LEAST_P99_MS);
    const report = { attack: attack.name, seconds, memoryBytes, apart, beside, p99Ratio, reasons };
    const complaints = complaintsOf(attack, report, await gateway.alive());
    if (!emptied)
      complaints.push(`${await gateway.heldBytes()} bytes are held ${EMPTY_MS / 1000} s after its end`);
    return { ...report, complaints };
  } finally {
    await lifetime.close();
  }
}

/** What `measure` finds while the attack goes to `gateway`, which has it for a second by then. */
async function during<T>(
  { name }: Attack,
  { victim }: AttackedGateway,
  lifetime: Lifetime,
  measure: () => Promise<T>,
): Promise<T> {
  const attacker = fork(attackerFile, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  lifetime.add(() => ended(attacker));
  setPriority(attacker.pid ?? 0, LEAST_PRIORITY);
  attacker.send({ attack: name, victim } satisfies AttackOrder);
  await sleep(LEAD_MS);
  const found = await measure();
  await ended(attacker);
  return found;
}

async function starvation(gateway: AttackedGateway, seconds: number): Promise<Experience & Starved> {
  const waitedMs = gateway.waitedForProcessorMs();
  const startMs = performance.now();
  const seen = await experience(gateway.victim, seconds);
  const starved = (gateway.waitedForProcessorMs() - waitedMs) / (performance.now() - startMs);
  return { ...seen, starved };
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

/** Each bound that was broken, in words; also when there is nothing that others could be compared with. */
export function complaintsOf(
  { reasons: expected }: Attack,
  report: Omit<AttackReport, 'complaints'>,
  alive: boolean,
): string[] {
  const { memoryBytes, p99Ratio, apart, beside, reasons } = report;
  const complaints: string[] = [];
  if (!alive) complaints.push('the worker died');
  if (memoryBytes.max - memoryBytes.before > MAX_GROWTH_BYTES) {
    complaints.push(`memory grew by more than ${MAX_GROWTH_BYTES / MIB} MiB`);
  }
  if (p99Ratio > MAX_P99_RATIO) {
    const noise = beside.starved > MAX_STARVED ? ', while the machine had no processor for their worker' : '';
    complaints.push(`others waited more than ${MAX_P99_RATIO} times as long${noise}`);
  }
  if (apart.requests === 0 || apart.failed > MAX_FAILED_RATIO * apart.requests) {
    complaints.push(
      `apart from it ${apart.failed} of ${apart.requests} requests failed: there is no comparison`,
    );
  }
  if (beside.requests === 0 || beside.failed > MAX_FAILED_RATIO * beside.requests) {
    complaints.push(`${beside.failed} of ${beside.requests} requests of others failed`);
  }
  if (!expected.some((reason) => (reasons[reason] ?? 0) > 0)) {
    complaints.push(`isthmus_rejected_total does not name ${expected.join(' or ')}`);
  }
  return complaints;
}
