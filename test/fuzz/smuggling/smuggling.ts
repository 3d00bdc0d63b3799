import { parseArgs } from 'node:util';
import { Lifetime } from '../../../federation/runtime/lifetime.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import { describeDisagreement, runCampaign } from './campaign.ts';
import { startWorld } from './gateways.ts';

const { values } = parseArgs({
  options: {
    mutants: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
  },
});
const lifetime = new Lifetime();
try {
  const folder = tempFolder({ after: (remove) => lifetime.add(remove) });
  const world = await startWorld(lifetime, folder);
  const names = world.backends.map(({ name }) => name);
  process.stdout.write(`east, a trunk, west, and behind it: ${names.join(', ')}\n`);
  const seed = Number(values.seed);
  const report = await runCampaign(world, {
    mutants: Number(values.mutants),
    seed,
    progress: (done) => process.stdout.write(`${done} mutants\n`),
  });
  for (const each of report.disagreements.slice(0, 20)) {
    process.stdout.write(`${describeDisagreement(each, seed)}\n`);
  }
  for (const each of report.leftovers) process.stdout.write(`left in ${each}\n`);
  const { mutants, sentRequests, forwarded, refused, disagreements, leftovers } = report;
  process.stdout.write(
    `${mutants} mutants from seed ${seed}: ${sentRequests} requests by a strict reading, ${forwarded} answered by a backend, ` +
      `${refused} answers of 4xx or 5xx, ${disagreements.length} disagreements, ${leftovers.length} things left in the gateways\n`,
  );
  if (disagreements.length + leftovers.length > 0) process.exitCode = 1;
} finally {
  await lifetime.close();
}
