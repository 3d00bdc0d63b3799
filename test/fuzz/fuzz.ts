import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CorpusEntry, FuzzCampaign } from './campaign.ts';

const CORPUS = join(import.meta.dirname, 'corpus.json');
const PROGRESS_MS = 30_000;
const MIB = 2 ** 20;
const WARM_UP = 200;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
  },
});
const first = Number(values.seed);
const corpus = JSON.parse(readFileSync(CORPUS, 'utf8')) as CorpusEntry[];
const campaign = new FuzzCampaign();
for (const { target, seed } of corpus) await campaign.run(target, seed);
// Pools and compiled code are there after the first cases: what is more than that is a leak.
for (let count = 0; count < WARM_UP; count++) await campaign.round(first + count);
const before = heapMib();
const started = performance.now();
await runFor(Number(values.minutes) * 60_000);
report();

async function runFor(durationMs: number): Promise<void> {
  let nextMs = started + PROGRESS_MS;
  for (let seed = first + WARM_UP; performance.now() < started + durationMs; seed++) {
    await campaign.round(seed);
    if (performance.now() < nextMs) continue;
    nextMs += PROGRESS_MS;
    const { total, failures } = campaign;
    process.stdout.write(
      `${seconds(started)} s: ${total} cases, ${failures.length} failures, heap ${heapMib()} MiB\n`,
    );
  }
}

function report(): void {
  for (const failure of campaign.failures.slice(0, 20)) {
    const { target, seed: failing, kind, message } = failure;
    process.stdout.write(`${kind} in ${target}, seed ${failing}: ${message.slice(0, 3000)}\n`);
  }
  if (campaign.failures.length > 0) keepFailures();
  const each = Object.entries(campaign.cases).map(([name, count]) => `${name} ${count}`);
  process.stdout.write(
    `${campaign.total} cases in ${seconds(started)} s from seed ${first} (${each.join(', ')}): ` +
      `${campaign.count('uncaught')} uncaught errors, ${campaign.count('hang')} hangs, ${campaign.count('leak')} leaks, ` +
      `${campaign.count('differs')} outcomes that depend on the pieces; heap ${before} MiB before, ${heapMib()} MiB after\n`,
  );
  campaign.close();
  if (campaign.failures.length > 0) process.exitCode = 1;
}

function keepFailures(): void {
  const known = new Set(corpus.map(({ target, seed: old }) => `${target} ${old}`));
  for (const { target, seed: failing, kind, message } of campaign.failures.slice(0, 50)) {
    if (known.has(`${target} ${failing}`)) continue;
    corpus.push({ target, seed: failing, why: `${kind}: ${(message.split('\n')[0] ?? '').slice(0, 100)}` });
  }
  writeFileSync(CORPUS, `${JSON.stringify(corpus, undefined, 2)}\n`);
}

function seconds(sinceMs: number): number {
  return Math.round((performance.now() - sinceMs) / 1000);
}

function heapMib(): number {
  globalThis.gc?.();
  return Math.round((process.memoryUsage().heapUsed / MIB) * 10) / 10;
}
