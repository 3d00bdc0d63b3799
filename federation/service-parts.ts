import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ClustersetView } from '../clusters/kubernetes/mcs/clusterset-view.ts';
import type { StatusView } from '../clusters/kubernetes/status/status-view.ts';
import type { ClusterProvider } from '../clusters/provider.ts';
import type { ClusterTrust } from '../trust/folder.ts';
import type { MemberConfig } from './config.ts';
import { LogPace } from './log-pace.ts';
import type { GatewayAddress } from './model/cluster.ts';
import type { Drain } from './model/drain.ts';
import { Routing } from './routing.ts';
import type { Clock } from './runtime/clock.ts';
import type { Lifetime } from './runtime/lifetime.ts';
import { type Readable, Watchable } from './runtime/watchable.ts';
import type { GatewayProof } from './service/gateway-proof.ts';
import type { Enrolment } from './service/grpc-servers.ts';
import { FolderLock } from './state/folder-lock.ts';
import { FilePortBook, type PortBook } from './state/port-book.ts';
import { SharedPorts } from './state/shared-ports.ts';
import { StateKeeper } from './state/state-keeper.ts';
import type { StoreDriver } from './store/driver.ts';
import { FOLLOWER_DEFAULTS, StoreFollower } from './store/follower.ts';
import { svidSigner } from './store/head-signature.ts';
import { type Election, PUBLISHER_DEFAULTS, StorePublisher } from './store/publisher.ts';
import type { Reporter } from './store/report.ts';
import { TrustSource } from './trust-source.ts';
import { SnapshotEncoder } from './wire/snapshot-encoder.ts';

/** What a federation service is given beside its configuration; whoever gives it closes it. */
export interface GivenParts {
  readonly provider: ClusterProvider;
  readonly driver: StoreDriver;
  readonly enrolment: Enrolment;
  readonly gatewayProof: GatewayProof;
  /** Where peers reach this cluster's gateways; each change is published. */
  readonly gateways: Readable<readonly GatewayAddress[]>;
  /** Who decides which replica writes; by default the store. */
  readonly election?: Election;
  /** Told of what is trusted at the start, and of each change. */
  readonly onTrust?: (trust: ClusterTrust) => void;
  /** What is wrong around the service, for its state. */
  readonly outsideProblems?: Readable<readonly string[]>;
  /** Shows what the clusterset has in the cluster's own API; closed first of all parts. */
  readonly showClusterset?: (view: ClustersetView) => { close(): Promise<void> };
  /** Writes into the status of the cluster's objects what becomes of them; closed as early. */
  readonly showStatus?: (view: StatusView) => { close(): Promise<void> };
  /** Where the ports of its services are written down; the file of the configuration otherwise. */
  readonly portBook?: PortBook;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}

/** What it makes for itself. */
export interface ServiceParts {
  readonly pace: LogPace;
  readonly encoder: SnapshotEncoder;
  readonly keeper: StateKeeper;
  readonly trust: TrustSource;
  readonly ports: SharedPorts;
  readonly follower: StoreFollower;
  readonly publisher: StorePublisher;
  readonly routing: Routing;
}

/** This cluster's own: as it is to be told, and as it was told last. */
interface Drains {
  readonly drain: Watchable<Drain | undefined>;
  readonly toldDrain: Watchable<Drain | undefined>;
}

/** What must be there before a port is opened. */
export type Ground = Pick<ServiceParts, 'encoder' | 'keeper' | 'trust'>;

/**
 * Takes the state folder and finds out who this service is.
 * @param lifetime gets what must be closed
 * @throws UserError when the state folder or the trust folder cannot be used.
 */
export async function openGround(
  config: MemberConfig,
  { clock, random, log }: GivenParts,
  lifetime: Lifetime,
): Promise<Ground> {
  const { local, stateFolder } = config;
  const lock = await FolderLock.take(stateFolder);
  lifetime.add(() => lock.release());
  const encoder = new SnapshotEncoder();
  const warn = (message: string): void => log.warn(message);
  const keeper = await StateKeeper.open({ folder: stateFolder, local, clock, encoder, warn });
  lifetime.add(() => keeper.close());
  const trust = await TrustSource.open({ folder: config.trustFolder, local, stateFolder, clock, random });
  lifetime.add(() => trust.close());
  return { encoder, keeper, trust };
}

/**
 * Opens what reads and writes the store, in the order in which the parts need each other.
 * @throws UserError when what they keep on disk cannot be used.
 */
export async function openParts(
  config: MemberConfig,
  given: GivenParts,
  ground: Ground,
  lifetime: Lifetime,
): Promise<ServiceParts> {
  const { clock, log } = given;
  const { servicePorts: range, servicePortsFile } = config;
  const pace = new LogPace(clock);
  lifetime.add(() => pace.close());
  const report = reporter(log, pace);
  const ports = await SharedPorts.open({
    book: given.portBook ?? new FilePortBook(servicePortsFile),
    range,
    clock,
    warn: (message) => log.warn(message),
  });
  lifetime.add(() => ports.close());
  const follower = await openFollower(config, given, ground.trust, report);
  lifetime.add(() => follower.close());
  const drain = new Watchable<Drain | undefined>(undefined);
  const toldDrain = new Watchable<Drain | undefined>(undefined);
  const publisher = openPublisher(config, given, { trust: ground.trust, drain, toldDrain }, report, lifetime);
  const drains = { drain, toldDrain };
  const routing = openRouting(config, given, { ...ground, pace, ports, follower, publisher, ...drains });
  lifetime.add(() => routing.close());
  return { ...ground, pace, ports, follower, publisher, routing };
}

function openFollower(
  config: MemberConfig,
  { driver, clock, random }: GivenParts,
  trust: TrustSource,
  report: Reporter,
): Promise<StoreFollower> {
  return StoreFollower.open({
    ...FOLLOWER_DEFAULTS,
    driver,
    local: config.local,
    verifier: trust.verifier,
    clock,
    random,
    folder: join(config.stateFolder, 'peers'),
    report,
  });
}

function openPublisher(
  config: MemberConfig,
  { driver, gateways, election, clock, random }: GivenParts,
  { trust, drain, toldDrain }: Drains & { readonly trust: TrustSource },
  report: Reporter,
  lifetime: Lifetime,
): StorePublisher {
  const bundleSequence = new Watchable(trust.trust.value.bundle.sequence);
  lifetime.add(trust.trust.watch(({ bundle }) => bundleSequence.set(bundle.sequence)));
  const publisher = new StorePublisher({
    ...PUBLISHER_DEFAULTS,
    ...(election === undefined ? {} : { election }),
    driver,
    local: config.local,
    gateways,
    bundleSequence,
    drain,
    onOwnHead: (head) => toldDrain.set(head?.drain),
    signer: svidSigner(trust.svid),
    verifier: trust.verifier,
    clock,
    random,
    folder: join(config.stateFolder, 'store'),
    report,
  });
  lifetime.add(() => publisher.close());
  return publisher;
}

function openRouting(
  { local, network }: MemberConfig,
  { provider, clock, random, log }: GivenParts,
  parts: Omit<ServiceParts, 'routing'> & Drains,
): Routing {
  const { pace, keeper, trust, ports, follower, publisher, drain, toldDrain } = parts;
  return new Routing({
    local,
    network,
    epoch: keeper.nextEpoch(clock.now(), random),
    provider,
    peers: follower,
    publisher,
    ports,
    drain,
    toldDrain,
    trustBundles: (clusters) => trust.bundlesOf(clusters),
    lastMemory: keeper.lastMemory,
    lastSnapshot: keeper.lastSnapshot,
    clock,
    log,
    pace,
    onSnapshot: () => {
      keeper.memoryChanged();
      keeper.snapshotChanged();
    },
    onMemory: () => keeper.memoryChanged(),
  });
}

/** What alternates, at whoever's will, is told at the log's pace. */
function reporter(log: Logger, pace: LogPace): Reporter {
  return ({ severity, cluster, topic, message }) =>
    pace.tell(`${cluster}: ${topic}`, (suppressed) => {
      const about = suppressed === 0 ? { about: cluster } : { about: cluster, suppressed };
      if (severity === 'warning') log.warn(about, message);
      else log.info(about, message);
    });
}
