// npm run attacks -- [--seconds 60] [--attack NAME] [--json] [--save]
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { describeHardware } from '../bench/results/machine.ts';
import type { Attack } from './attack.ts';
import { ATTACKS, attackNamed } from './attacks.ts';
import { type AttackReport, runAttack } from './campaign.ts';
import { bounds, lineOf, resultsPage, verdict } from './report.ts';

const resultsFile = join(import.meta.dirname, 'results.md');

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
    save: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) {
  console.error(`--seconds must be a number above 0, not ${values.seconds}`);
  process.exit(2);
}
const attacks = chosen(values.attack);
const hardware = describeHardware();
if (!values.json) console.log(bounds(seconds));

/** `--save` keeps what there is after each attack: a campaign that is stopped has not been for nothing. */
function save(reports: readonly AttackReport[]): void {
  const command = ['npm run attacks --', ...process.argv.slice(2)].join(' ');
  writeFileSync(resultsFile, resultsPage(reports, { hardware, command, seconds }));
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
    const lifetime = new Lifetime();
    running.add(lifetime);
    const report = await runAttack(attack, seconds, lifetime);
    running.delete(lifetime);
    console.log(values.json ? JSON.stringify(report) : lineOf(report));
    if (report.complaints.length > 0) process.exitCode = 1;
    reports.push(report);
    if (values.save) save(reports);
  }
  if (!values.json) console.log(verdict(reports));
}

await runAll();
