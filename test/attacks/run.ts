// npm run attacks -- [--seconds 60] [--attack NAME] [--json]
import { parseArgs } from 'node:util';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import type { Attack } from './attack.ts';
import { ATTACKS, attackNamed } from './attacks.ts';
import { type AttackReport, MAX_GROWTH_BYTES, MAX_P99_RATIO, runAttack } from './campaign.ts';

const MIB = 1024 * 1024;

function mebibytes(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

function lineOf(report: AttackReport): string {
  const { attack, memoryBytes, alone, beside, p99Ratio, reasons, complaints } = report;
  const { before, max, after } = memoryBytes;
  const counted = Object.entries(reasons).map(([reason, count]) => `${reason} ${count}`);
  return [
    `${complaints.length === 0 ? 'ok  ' : 'FAIL'} ${attack}`,
    `memory ${mebibytes(before)} / ${mebibytes(max)} / ${mebibytes(after)} MiB before / most / after`,
    `others' p99 ${alone.p99Ms.toFixed(1)} ms alone, ${beside.p99Ms.toFixed(1)} ms beside it (x ${p99Ratio.toFixed(2)}), ${beside.failed} of ${beside.requests} failed`,
    `counted ${counted.join(', ') || 'nothing'}`,
    ...complaints.map((complaint) => `! ${complaint}`),
  ].join('\n     ');
}

function chosen(name: string | undefined): readonly Attack[] {
  if (name === undefined) return ATTACKS;
  const attack = attackNamed(name);
  if (attack !== undefined) return [attack];
  console.error(`no attack is called ${name}; there are ${ATTACKS.map((known) => known.name).join(', ')}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    attack: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) {
  console.error(`--seconds must be a number above 0, not ${values.seconds}`);
  process.exit(2);
}
const attacks = chosen(values.attack);
if (!values.json) {
  console.log(
    `each for ${seconds} s; the worker may grow by ${mebibytes(MAX_GROWTH_BYTES)} MiB, others' p99 by x ${MAX_P99_RATIO}`,
  );
}
/** What a signal ends leaves no gateway behind. */
async function runAll(): Promise<void> {
  const running = new Set<Lifetime>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      for (const lifetime of running) await lifetime.close();
      process.exit(130);
    });
  }
  for (const attack of attacks) {
    const lifetime = new Lifetime();
    running.add(lifetime);
    const report = await runAttack(attack, seconds, lifetime);
    running.delete(lifetime);
    console.log(values.json ? JSON.stringify(report) : lineOf(report));
    if (report.complaints.length > 0) process.exitCode = 1;
  }
}

await runAll();
