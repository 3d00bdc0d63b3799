import { setTimeout as sleep } from 'node:timers/promises';
import type { Lifetime } from '../../../federation/runtime/lifetime.ts';
import { percentile } from '../statistics.ts';
import type { Measurement } from '../summary.ts';
import { fillApi } from './api-filler.ts';
import { CanaryProbe } from './canary-probe.ts';
import { ChangeLoad } from './change-load.ts';
import { type AllChanges, readAllChanges } from './gateway-histogram.ts';
import {
  checkFamilies,
  familiesOf,
  peakBytes,
  residentNow,
  totalOf,
  usedMicros,
  usedSince,
} from './process-usage.ts';
import { plannedService, type ServicePlan } from './service-objects.ts';
import { SliceWriter } from './slice-writer.ts';
import { TwoClusters, until } from './two-clusters.ts';

export interface PropagationSizes {
  readonly services: number;
  readonly endpoints: number;
  /** Changes a second. */
  readonly perSecond: number;
  /** Of one round. */
  readonly seconds: number;
  /** Of changes that do not count, before the first round. */
  readonly warmSeconds: number;
}

/** Few: what it takes to see them come is no part of what a change costs, and half of a gateway's work with twice as many. */
const CANARIES = 30;
/** A build of everything in a new cluster is under way for so long at most. */
const SETTLE_TIMEOUT_MS = 1_200_000;
const SYNC_TIMEOUT_MS = 300_000;
const TOLD_EVERY_MS = 60_000;
const QUIET_LOOK_MS = 2000;
/** Of one core: what all processes together use when nothing is under way any more. */
const QUIET_SHARE = 0.25;

/** From an endpoint in west's API server to east's gateway, in rounds over the same two clusters. */
export class PropagationBench {
  readonly #sizes: PropagationSizes;
  readonly #clusters: TwoClusters;
  readonly #probe: CanaryProbe;
  readonly #load: ChangeLoad;
  readonly #initial: Readonly<Record<string, number>>;

  private constructor(
    sizes: PropagationSizes,
    clusters: TwoClusters,
    probe: CanaryProbe,
    load: ChangeLoad,
    initial: Readonly<Record<string, number>>,
  ) {
    this.#sizes = sizes;
    this.#clusters = clusters;
    this.#probe = probe;
    this.#load = load;
    this.#initial = initial;
  }

  /** Builds the clusters, fills west's API, and measures the first synchronization. */
  static async start(lifetime: Lifetime, folder: string, sizes: PropagationSizes): Promise<PropagationBench> {
    const ends: (() => void | Promise<void>)[] = [];
    lifetime.add(async () => {
      for (const end of ends) await end();
    });
    const say = (text: string): void => console.error(`propagation: ${text}`);
    const clusters = await TwoClusters.start({ after: (end) => ends.push(end) }, folder);
    const probe = await CanaryProbe.start(clusters.east.ports.http);
    lifetime.add(() => probe.close());
    const plans = planServices(sizes, probe);
    say(`fills the API server with ${sizes.services} services of ${sizes.endpoints} endpoints`);
    await fillApi(clusters.admin, plans, (written) => say(`${written} services are written`));
    const canaries = plans.slice(0, canaryCount(sizes));
    const initial = await firstSync(clusters, probe, canaries, sizes.services);
    // What comes may fail or be interrupted: what is known is told.
    say(`first synchronization: ${JSON.stringify(initial)}`);
    await settle(clusters, sizes.services, say);
    const writer = new SliceWriter(clusters.api);
    lifetime.add(() => writer.close());
    const load = new ChangeLoad({
      writer,
      probe,
      canaries,
      others: plans.slice(canaryCount(sizes)),
      perSecond: sizes.perSecond,
    });
    return new PropagationBench(sizes, clusters, probe, load, initial);
  }

  /** What runs for weeks is not told by its first seconds: after this the code is compiled, and heaps have grown. */
  async warm(): Promise<void> {
    await this.#load.run(this.#sizes.warmSeconds);
    await this.#probe.take();
  }

  async measure(): Promise<Measurement> {
    const clusters = this.#clusters;
    const { pids } = clusters;
    const startMs = Date.now();
    const [storeBefore, allBefore] = [
      await clusters.storeTraffic(),
      readAllChanges(await clusters.eastMetrics()),
    ];
    const families = familiesOf(pids);
    const before = usedMicros(pids);
    const ownBefore = process.cpuUsage();
    const { changes, seconds, failedWrites, lateMs } = await this.#load.run(this.#sizes.seconds);
    const canaries = await this.#probe.take();
    // Not before all has come: what is still to be done when the last change is written is part of what changes cost.
    const used = usedSince(before, pids);
    const own = process.cpuUsage(ownBefore);
    const wholeSeconds = (Date.now() - startMs) / 1000;
    checkFamilies(families, pids);
    const store = await clusters.storeTraffic();
    const all = readAllChanges(await clusters.eastMetrics());
    const per = (name: string): number => (used.get(name) ?? Number.NaN) / changes;
    const cpu = [...used.keys()].map((name) => [`propagation.cpuPerChangeMicros.${name}`, per(name)]);
    return {
      east: per('eastFederation') + per('eastGateway'),
      west: per('westFederation') + per('westGateway'),
      rps: changes / seconds,
      p50Ms: percentile(canaries.readyMs, 0.5),
      p99Ms: percentile(canaries.readyMs, 0.99),
      errors: failedWrites + canaries.lost,
      more: {
        ...this.#initial,
        'propagation.goneP50Ms': percentile(canaries.goneMs, 0.5),
        'propagation.goneP99Ms': percentile(canaries.goneMs, 0.99),
        ...allFigures(allBefore, all),
        'propagation.failedWrites': failedWrites,
        'propagation.lost': canaries.lost,
        'propagation.writtenLateP99Ms': percentile(lateMs, 0.99),
        ...Object.fromEntries(cpu),
        'propagation.cpuPerChangeMicros.load': (own.user + own.system) / changes,
        'propagation.probeRequestsPerChange': canaries.requests / changes,
        'propagation.busyCores': (totalOf(used) + own.user + own.system) / wholeSeconds / 1e6,
        'propagation.storeBytesPerChange.received': (store.received - storeBefore.received) / changes,
        'propagation.storeBytesPerChange.sent': (store.sent - storeBefore.sent) / changes,
        ...memoryFigures(pids),
        'propagation.longestTurnMs.westFederation': clusters.turns.west.longestMs(startMs),
        'propagation.longestTurnMs.eastFederation': clusters.turns.east.longestMs(startMs),
      },
    };
  }
}

function canaryCount({ services }: PropagationSizes): number {
  return Math.min(CANARIES, Math.floor(services / 2));
}

function planServices(sizes: PropagationSizes, { host, port }: CanaryProbe): ServicePlan[] {
  return Array.from({ length: sizes.services }, (_, index) =>
    index < canaryCount(sizes)
      ? { index, name: `canary-${index}`, port, endpoints: [{ address: host, ready: true }] }
      : plannedService(index, sizes.endpoints),
  );
}

/** From the start of west's federation service, which knows nothing, to all services being routed in east. */
async function firstSync(
  clusters: TwoClusters,
  probe: CanaryProbe,
  canaries: readonly ServicePlan[],
  services: number,
): Promise<Readonly<Record<string, number>>> {
  const startMs = Date.now();
  const startedMs = performance.now();
  await clusters.startWest();
  await until('east routes all services', SYNC_TIMEOUT_MS, async () => {
    return (await clusters.routedServices()) >= services;
  });
  await until('the canaries answer', SYNC_TIMEOUT_MS, async () => {
    const reached = await Promise.all(canaries.map(({ name }) => probe.reaches(name)));
    return reached.every((ok) => ok);
  });
  const seconds = (performance.now() - startedMs) / 1000;
  const { west, east } = clusters.turns;
  const peak = peakBytes(clusters.pids.get('westFederation') ?? 0);
  // Turns are written down twice a second.
  await sleep(1000);
  return {
    'propagation.initialSync.seconds': Math.round(seconds * 100) / 100,
    'propagation.initialSync.longestTurnMs.westFederation': west.longestMs(startMs),
    'propagation.initialSync.longestTurnMs.eastFederation': east.longestMs(startMs),
    'propagation.initialSync.westFederationRssPeakBytes': peak,
  };
}

/** Until all imports are made and nothing is under way. */
async function settle(clusters: TwoClusters, services: number, say: (text: string) => void): Promise<void> {
  let toldMs = 0;
  await until('all imports are made and nothing is under way', SETTLE_TIMEOUT_MS, async () => {
    const quiet = await isQuiet(clusters);
    const tells = performance.now() - toldMs >= TOLD_EVERY_MS;
    // They are not counted each time: a large listing is work, too.
    if (!quiet && !tells) return false;
    const imported = await clusters.importedServices();
    toldMs = performance.now();
    say(`${imported} imports are made, ${quiet ? 'nothing' : 'work'} is under way`);
    return quiet && imported >= services;
  });
}

async function isQuiet({ pids }: TwoClusters): Promise<boolean> {
  const before = usedMicros(pids);
  await sleep(QUIET_LOOK_MS);
  return totalOf(usedSince(before, pids)) / (QUIET_LOOK_MS * 1000) < QUIET_SHARE;
}

function memoryFigures(pids: TwoClusters['pids']): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const [name, pid] of pids) {
    if (name.endsWith('Federation')) figures[`propagation.rssPeakBytes.${name}`] = peakBytes(pid);
    else figures[`propagation.rssBytes.${name}`] = residentNow(pid);
  }
  return figures;
}

function allFigures(before: AllChanges, after: AllChanges): Record<string, number> {
  const count = after.count - before.count;
  return {
    'propagation.all.count': count,
    'propagation.all.within150msShare': (after.within150ms - before.within150ms) / count,
    'propagation.all.within1sShare': (after.within1s - before.within1s) / count,
  };
}
