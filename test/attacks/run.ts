// npm run attacks -- [--seconds 60] [--attack NAME[,NAME]] [--json] [--save]
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { describeHardware } from '../bench/results/machine.ts';
import type { Attack } from './attack.ts';
import { ATTACKS, attackNamed } from './attacks.ts';
import { type AttackReport, runAttack } from './campaign.ts';
import { bounds, lineOf, resultsPage, verdict } from './report.ts';
import { type Circumstances, readSaved, renewed, savedAttack, writeSaved } from './saved-attacks.ts';

const savedFile = join(import.meta.dirname, 'results.json');
const resultsFile = join(import.meta.dirname, 'results.md');

function chosen(names: string | undefined): readonly Attack[] {
  if (names === undefined) return ATTACKS;
  const wanted = names.split(',');
  const unknown = wanted.filter((name) => attackNamed(name) === undefined);
  if (unknown.length === 0) return wanted.flatMap((name) => attackNamed(name) ?? []);
  const known = ATTACKS.map(({ name }) => name).join(', ');
  console.error(`no attack is called ${unknown.join(' or ')}; there are ${known}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    attack: { type: 'string' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) {
  console.error(`--seconds must be a number above 0, not ${values.seconds}`);
  process.exit(2);
}
const attacks = chosen(values.attack);
if (!values.json) console.log(bounds(seconds));

function circumstances(): Circumstances {
  const { cpu, cores, kernel, loadAverage } = describeHardware();
  const machine = `${cpu}, ${cores} processors, Linux ${kernel}, Node ${process.version}`;
  return { date: new Date().toISOString().slice(0, 10), loadAverage, machine };
}

/** `--save` keeps each attack as it ends: a campaign that is stopped has not been for nothing. Others' rows stay. */
function save(report: AttackReport, before: Circumstances): void {
  const rows = renewed(readSaved(savedFile), [savedAttack(report, before)]);
  writeSaved(savedFile, rows);
  writeFileSync(resultsFile, resultsPage(rows));
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
  const reports: AttackReport[] = [];
  for (const [index, attack] of attacks.entries()) {
    if (!values.json) console.log(`(${index + 1} of ${attacks.length}) ${attack.name}: ${attack.abuse}`);
    const before = circumstances();
    const lifetime = new Lifetime();
    running.add(lifetime);
    const report = await runAttack(attack, seconds, lifetime);
    running.delete(lifetime);
    console.log(values.json ? JSON.stringify(report) : lineOf(report));
    if (report.complaints.length > 0) process.exitCode = 1;
    reports.push(report);
    if (values.save) save(report, before);
  }
  if (!values.json) console.log(verdict(reports));
}

await runAll();
