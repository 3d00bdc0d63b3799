import { UserError } from '../../federation/model/user-error.ts';
import type { DemoOptions } from './demo-options.ts';
import { DemoWorld } from './demo-world.ts';
import { FailbackWatch } from './failback-watch.ts';
import { playByKeys, showTable } from './keys.ts';
import { NAMESPACE } from './manifests.ts';
import { measureDemo } from './measured-demo.ts';
import { unmeasured } from './report.ts';
import { ENTRY, HOST, LOST } from './topology.ts';
import { runTour, tourSchedule } from './tour.ts';

const WATCHED_TOUR_SECONDS = 40;
const PARENT_POLL_MS = 500;

/**
 * Three clusters on one machine, joined by real tokens: watch one be lost, others take over, and the lost one come
 * back in steps. Nothing is left running, however the demo ends.
 * @throws UserError when a part cannot be started or, under `--json`, when an idempotent request failed or a number is
 *   missing.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const startMs = performance.now();
  const measured = options.mode.kind === 'measured';
  const write = (text: string): void => void (measured ? process.stderr : process.stdout).write(text);
  const news = (sentence: string): void => {
    write(`${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${sentence}\n`);
  };
  const world = await DemoWorld.build(options.store, news);
  const stopWatching = endWithParent(world);
  try {
    await present(world, options, write, news);
  } finally {
    stopWatching();
    news('ending all processes');
    await world.close();
  }
}

async function present(
  world: DemoWorld,
  options: DemoOptions,
  write: (text: string) => void,
  news: (sentence: string) => void,
): Promise<void> {
  if (options.mode.kind === 'measured') {
    const report = await interruptible(measureDemo(world, options, options.mode.seconds, news));
    process.stdout.write(`${JSON.stringify(report)}\n`);
    if (report.failed > 0) {
      throw new UserError(`${report.failed} of ${report.requests} idempotent requests failed`, {
        hint: 'what failed is named above',
      });
    }
    const missing = unmeasured(report);
    if (missing.length > 0) {
      throw new UserError(`not everything could be measured: ${missing.join('; ')}`, {
        hint: 'measure longer (--seconds), or on a machine with less to do',
      });
    }
    return;
  }
  write(whatToTry(world));
  const hideTable = showTable(world, write);
  try {
    if (options.mode.kind === 'keys') await playByKeys(world, write);
    else await watchedTour(world, options, news);
  } finally {
    hideTable();
  }
}

async function watchedTour(
  world: DemoWorld,
  options: DemoOptions,
  news: (sentence: string) => void,
): Promise<void> {
  const watch = new FailbackWatch(HOST, world.cluster(ENTRY).plan.ports.gatewayAdmin, LOST);
  const schedule = tourSchedule(WATCHED_TOUR_SECONDS);
  await interruptible(runTour(world.cluster(LOST), options.loss, schedule, watch, news));
}

/** Ends the wait, not the work, on Ctrl-C: the caller then takes everything down. */
async function interruptible<T>(work: Promise<T>): Promise<T> {
  let interrupt: (() => void) | undefined;
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = () =>
      reject(new UserError('interrupted', { hint: 'everything that the demo started is ended' }));
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    if (interrupt !== undefined) {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    }
  }
}

/** Whoever started the demo may be killed without a word; then it ends too. */
function endWithParent(world: DemoWorld): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) void world.close().then(() => process.exit(1));
  }, PARENT_POLL_MS);
  return () => clearInterval(timer);
}

function whatToTry(world: DemoWorld): string {
  const { ports } = world.cluster(ENTRY).plan;
  const http = `http://${HOST}:${ports.http}`;
  const name = (service: string): string => `${service}.${NAMESPACE}.svc.clusterset.local`;
  return `
Three clusters run. Requests that enter at ${ENTRY}'s gateway reach them all:

  curl -H 'Host: ${name('echo')}' ${http}/
  curl --http2-prior-knowledge -H 'Host: ${name('echo')}' ${http}/
  curl -N -H 'Host: ${name('stream')}' ${http}/
  isthmus why ${NAMESPACE}/echo --admin ${HOST}:${ports.gatewayAdmin}
  isthmus why ${NAMESPACE}/echo --admin ${HOST}:${ports.gatewayAdmin} --down ${LOST}
  isthmus cluster status --dir ${world.cluster(ENTRY).folder}

Who serves whom (rows: where requests enter; columns: who answers):
`;
}
