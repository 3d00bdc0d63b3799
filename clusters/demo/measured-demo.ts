import { setTimeout as pause } from 'node:timers/promises';
import type { DemoOptions } from './demo-options.ts';
import type { DemoWorld } from './demo-world.ts';
import { FailbackWatch } from './failback-watch.ts';
import { LoadRun } from './load.ts';
import { NAMESPACE } from './manifests.ts';
import { PropagationProbe } from './propagation.ts';
import { buildReport, type TourReport } from './report.ts';
import { ENTRY, HOST, LOST, OTHER } from './topology.ts';
import { now, runTour, tourSchedule } from './tour.ts';

const REQUESTS_PER_SECOND = 600;
const BURST = 32;
const RESYNC_MS = 5_000;
/** Redis is gone from this share of the outage before the loss on, so that the outage spans it. */
const OUTAGE_BEFORE_LOSS = 0.3;

/** Runs the tour under constant load and measures it. Progress goes to `news`, the result is returned. */
export async function measureDemo(
  world: DemoWorld,
  options: DemoOptions,
  seconds: number,
  news: (sentence: string) => void,
): Promise<TourReport> {
  const entry = world.cluster(ENTRY).plan.ports;
  const outage = new StoreOutage(world, options.redisOutageSeconds, news);
  const probe = startProbe(world, outage);
  const load = new LoadRun({
    host: HOST,
    port: entry.http,
    authority: `echo.${NAMESPACE}.svc.clusterset.local`,
    requestsPerSecond: REQUESTS_PER_SECOND,
    burst: BURST,
    clusters: [ENTRY, LOST, OTHER],
  });
  const failback = new FailbackWatch(HOST, entry.gatewayAdmin, LOST);
  const schedule = tourSchedule(seconds);
  outage.schedule(schedule.lossAfterMs);
  const times = await runTour(world.cluster(LOST), options.loss, schedule, failback, news);
  await load.stop();
  await probe.stop();
  await outage.ended;
  explainFailures(load, news);
  return buildReport({
    store: options.store.kind === 'memory' ? 'memory' : 'redis',
    cluster: LOST,
    samples: load.samples,
    times,
    propagationMs: probe.measuredMs,
    redisOutageMs: outage.durationMs,
  });
}

function startProbe(world: DemoWorld, outage: StoreOutage): PropagationProbe {
  const changing = world.cluster(OTHER);
  const entry = { host: HOST, port: world.cluster(ENTRY).plan.ports.http };
  const { resources, place } = changing;
  const { ports } = changing.plan;
  const probe = new PropagationProbe({ resources, ports, place, entry }, () => outage.storeUp);
  probe.start();
  return probe;
}

/** The first failures of each kind, so that a bad result can be understood. */
function explainFailures(load: LoadRun, news: (sentence: string) => void): void {
  const seen = new Map<string, number>();
  for (const { failure, idempotent, protocol } of load.samples) {
    if (failure === undefined) continue;
    const what = `${idempotent ? 'idempotent' : 'POST'} ${protocol}: ${failure}`;
    seen.set(what, (seen.get(what) ?? 0) + 1);
  }
  for (const [what, count] of seen) news(`failed ${count} × ${what}`);
}

/** Takes the demo's own Redis away for a while that spans the loss. */
class StoreOutage {
  storeUp = true;
  durationMs = 0;
  ended: Promise<void> = Promise.resolve();
  readonly #world: DemoWorld;
  readonly #lengthMs: number;
  readonly #news: (sentence: string) => void;

  constructor(world: DemoWorld, seconds: number, news: (sentence: string) => void) {
    this.#world = world;
    this.#lengthMs = seconds * 1000;
    this.#news = news;
  }

  schedule(lossAfterMs: number): void {
    if (this.#lengthMs === 0) return;
    const startAfterMs = Math.max(0, lossAfterMs - OUTAGE_BEFORE_LOSS * this.#lengthMs);
    this.ended = this.#run(startAfterMs);
  }

  async #run(startAfterMs: number): Promise<void> {
    const store = this.#world.store.outage;
    if (store === undefined) throw new Error('only a store of the demo’s own can be taken away');
    await pause(startAfterMs);
    this.storeUp = false;
    const startMs = now();
    this.#news('Redis is killed');
    await store.kill();
    await pause(this.#lengthMs);
    await store.start();
    this.durationMs = now() - startMs;
    this.#news('Redis is back, empty');
    // What it held is written again by each member; measuring goes on when that is done.
    await pause(RESYNC_MS);
    this.storeUp = true;
  }
}
