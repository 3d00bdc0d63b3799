import { setTimeout as sleep } from 'node:timers/promises';
import { hostOf, inHand, type SmugglingWorld } from './gateways.ts';
import { makeHttp2Mutant, sendHttp2 } from './http2-mutants.ts';
import { makeMutant } from './mutants.ts';
import { sendAndRead } from './sender.ts';
import { compare, type Disagreement, type Trial } from './verdict.ts';

export interface CampaignReport {
  readonly mutants: number;
  readonly sentRequests: number;
  /** Answered by a backend. */
  readonly forwarded: number;
  /** Answers 4xx and 5xx, the gateway's or a backend's. */
  readonly refused: number;
  readonly disagreements: readonly Disagreement[];
  /** What the gateways still had in hand a while after the last client had gone. */
  readonly leftovers: readonly string[];
}

const LANES = 16;
/** For what is logged a moment after its answer. */
const LOG_PATIENCE_MS = 10_000;
/** For what should not be logged at all, once all that should be is. */
const LOG_QUIET_MS = 300;
/** Connections that linger for their clients, and figures that a worker tells its parent now and then. */
const LEFTOVER_PATIENCE_MS = 15_000;

/** Sends `mutants` mutants, each by its own seed from `seed` on, in turn to every backend; then compares the logs. */
export async function runCampaign(
  world: SmugglingWorld,
  options: { readonly mutants: number; readonly seed: number; readonly progress?: (done: number) => void },
): Promise<CampaignReport> {
  const trials: Trial[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < options.mutants) {
      const id = next++;
      trials.push(await tryMutant(world, id, options.seed + id));
      if (trials.length % 1000 === 0) options.progress?.(trials.length);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const disagreements = await disagreementsOf(world, trials);
  const leftovers = await leftoversOf(world);
  const answers = trials.flatMap(({ answered }) => answered.answers);
  return {
    mutants: trials.length,
    sentRequests: trials.reduce((sum, { mutant }) => sum + mutant.sent.requests.length, 0),
    forwarded: answers.filter(({ backend }) => backend !== undefined).length,
    refused: answers.filter(({ backend }) => backend === undefined).length,
    leftovers,
    disagreements,
  };
}

async function tryMutant(world: SmugglingWorld, id: number, seed: number): Promise<Trial> {
  const backend = world.backends[id % world.backends.length];
  if (backend === undefined) throw new Error('no backend');
  // Each backend gets one in four over HTTP/2.
  if (Math.floor(id / world.backends.length) % 4 === 3) {
    const mutant = makeHttp2Mutant(id, seed, hostOf(backend));
    return { mutant, backend, answered: await sendHttp2(world.port, mutant.pieces) };
  }
  const mutant = makeMutant(id, seed, hostOf(backend));
  const { requests, rest } = mutant.sent;
  const untilEnd = rest === 'refused' || rest === 'close';
  const methods = requests.map(({ method }) => method);
  return { mutant, backend, answered: await sendAndRead(world.port, mutant.pieces, methods, untilEnd) };
}

async function disagreementsOf(world: SmugglingWorld, trials: readonly Trial[]): Promise<Disagreement[]> {
  const found = (): Disagreement[] =>
    world.backends.flatMap((backend) =>
      compare(
        trials.filter((trial) => trial.backend === backend),
        backend.seen(),
      ),
    );
  for (let waited = 0; found().length > 0 && waited < LOG_PATIENCE_MS; waited += 100) await sleep(100);
  await sleep(LOG_QUIET_MS);
  return found();
}

async function leftoversOf(world: SmugglingWorld): Promise<string[]> {
  let found = await inHand(world);
  for (let waited = 0; found.length > 0 && waited < LEFTOVER_PATIENCE_MS; waited += 250) {
    await sleep(250);
    found = await inHand(world);
  }
  return found;
}

/** For a person: what happened, and how to see it again. */
export function describeDisagreement({ trial, problem }: Disagreement, seed: number): string {
  if (trial === undefined) return problem;
  const { mutant, backend, answered } = trial;
  const answers = answered.answers.map(
    ({ status, backend: name }) => `${status}${name === undefined ? '' : ` ${name}`}`,
  );
  return [
    `mutant ${mutant.id} (seed ${seed + mutant.id}, ${mutant.mutations.join(' + ')}) to ${backend.name}: ${problem}`,
    `  sent ${JSON.stringify(mutant.text.replaceAll(/l{100,}/g, '…').slice(0, 1500))}`,
    `  read as ${mutant.sent.requests.length} requests, then ${mutant.sent.rest}; answers: ${answers.join(', ') || 'none'}`,
  ].join('\n');
}
