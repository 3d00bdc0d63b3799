import { AdminServer, telemetryPages } from './admin/admin-server.ts';
import { type ServiceReport, serviceReports } from './admin/service-report.ts';
import type { FederationState } from './admin/state-report.ts';
import { ClustersetNews } from './clusterset-news.ts';
import type { ListenAddress, MemberConfig } from './config.ts';
import { gatewayId } from './model/identity.ts';
import { UserError } from './model/user-error.ts';
import { ProblemLog } from './problem-log.ts';
import { type Clock, every } from './runtime/clock.ts';
import { Lifetime } from './runtime/lifetime.ts';
import { TelemetryServer } from './runtime/telemetry-server.ts';
import { ConnectionFront } from './service/connection-front.ts';
import { RefusalMeter } from './service/front-refusals.ts';
import { GatewaySession } from './service/gateway-session.ts';
import { GrpcServers } from './service/grpc-servers.ts';
import { Issuer } from './service/issuer.ts';
import { cannotListen } from './service/listening.ts';
import { ReportSession } from './service/report-session.ts';
import { type GivenParts, type Ground, openGround, openParts, type ServiceParts } from './service-parts.ts';
import { describeState, stateProblems } from './service-state.ts';
import { StatusNews } from './status-news.ts';
import type { Election, StorePublisher } from './store/publisher.ts';
import type { TrustSource } from './trust-source.ts';

const STATE_LOOK_MS = 1000;

/** Where it is reached; the real ports where 0 was asked for. */
export interface FederationAddresses {
  readonly gateways: ListenAddress;
  /** Undefined where strangers come to the gateways' port. */
  readonly issuer: ListenAddress | undefined;
  readonly admin: ListenAddress;
  readonly telemetry: ListenAddress | undefined;
}

/** A running federation service. */
export class FederationService {
  readonly addresses: FederationAddresses;
  readonly #lifetime: Lifetime;
  readonly #state: () => FederationState;

  private constructor(lifetime: Lifetime, addresses: FederationAddresses, state: () => FederationState) {
    this.#lifetime = lifetime;
    this.addresses = addresses;
    this.#state = state;
  }

  /**
   * Starts everything. The store need not be there: what was last good is served meanwhile.
   * @throws UserError when something that a person must mend keeps it from starting; nothing is left running then.
   */
  static async start(config: MemberConfig, given: GivenParts): Promise<FederationService> {
    const lifetime = new Lifetime();
    try {
      const ground = await openGround(config, given, lifetime);
      // The ports first: who cannot have them must not touch the store, where another may be at work.
      const doors = await openDoors(config, given, ground, lifetime);
      const parts = await openParts(config, given, ground, lifetime);
      connect(parts, given, lifetime);
      showClusterset(config, given, parts, lifetime);
      const startedAtMs = given.clock.now();
      const state = (): FederationState =>
        describeState(config, given, parts, { startedAtMs, rejectedConnections: doors.refusals.counts });
      serve(config, given, parts, doors, lifetime, state);
      return new FederationService(lifetime, doors.addresses, state);
    } catch (failure) {
      await lifetime.close();
      throw failure;
    }
  }

  get state(): FederationState {
    return this.#state();
  }

  /** Gives back the lease, ends the gateways' streams, saves the state. */
  close(): Promise<void> {
    return this.#lifetime.close();
  }
}

/** Ties the parts together: who is told of what. */
function connect(
  parts: ServiceParts,
  { provider, driver, election, clock, log, onTrust }: GivenParts,
  lifetime: Lifetime,
): void {
  const { publisher, ports, routing, trust, keeper } = parts;
  // A writer that cannot hear who is elected goes on in the store, which has a fence; ports have none.
  const givePorts = (): void =>
    ports.setLeading(publisher.state.value.kind === 'leading' && isElected(election, publisher));
  const problems = new ProblemLog(log, parts.pace);
  const tellResources = (): void => problems.tellResources([...provider.problems.value, ...routing.refusals]);
  const stops = [
    ...onElection(election, givePorts),
    publisher.state.watch((state) => {
      givePorts();
      if (state.kind === 'standby') log.info({ leader: state.leader }, 'another replica leads');
    }),
    ports.watch(() => routing.portsChanged()),
    trust.trust.watch((value) => {
      routing.trustChanged();
      onTrust?.(value);
    }),
    driver.problem.watch((problem) => problems.tell('store', problem)),
    provider.problems.watch(() => tellResources()),
  ];
  for (const stop of stops) lifetime.add(stop);
  problems.tell('store', driver.problem.value);
  onTrust?.(trust.trust.value);
  lifetime.add(
    lookOften(clock, () => {
      problems.tellState(stateProblems(parts));
      if (routing.started) tellResources();
    }),
  );
  keeper.attach({ memory: () => routing.memory, snapshot: () => routing.history.value });
  provider.ready.then(
    () => {
      if (lifetime.closed) return;
      routing.start();
      tellResources();
    },
    (failure: unknown) => log.error({ failure: String(failure) }, 'the resources cannot be listed'),
  );
}

/** Where the cluster has an API of its own, its objects say what the clusterset has. */
function showClusterset(
  { local, network }: MemberConfig,
  given: GivenParts,
  parts: ServiceParts,
  lifetime: Lifetime,
): void {
  const { showClusterset: show, election, clock } = given;
  if (show === undefined) return;
  const { routing, publisher } = parts;
  const news = new ClustersetNews({
    local: local.name,
    snapshot: () => (routing.started ? routing.history.value : undefined),
    disputesOf: (key) => routing.conflictsOf(key),
    network,
    detailsOf: (key) => routing.detailsOf(key),
    complete: () => parts.follower.complete,
    heard: () => parts.follower.heard,
    isMember: (cluster) => given.provider.peerRules.has(cluster),
    isOffered: (key) => routing.exportsOf(key).length > 0,
    isSaid: (key) => routing.exporter.records.has(key),
    isPublished: (key) => publisher.isPublished(key),
    clock,
  });
  lifetime.add(() => news.close());
  // Not only while the store answers: gateways come and go meanwhile, and objects of the cluster name them.
  const lead = (): void => news.leading.set(routing.started && isElected(election, publisher));
  lifetime.add(
    routing.history.watch(() => {
      lead();
      news.snapshotChanged();
    }),
  );
  lifetime.add(routing.watchMerges((key) => news.mergeChanged(key)));
  for (const stop of [publisher.state.watch(lead), ...onElection(election, lead)]) lifetime.add(stop);
  const shown = show(news);
  lifetime.add(() => shown.close());
  showStatus(news, given, parts, lifetime);
  lead();
}

/** Where the store elects, whoever writes into it is. */
function isElected(election: Election | undefined, publisher: StorePublisher): boolean {
  if (election?.kind === 'external') return election.standing.value === 'elected';
  return publisher.state.value.kind === 'leading';
}

function onElection(election: Election | undefined, told: () => void): readonly (() => void)[] {
  return election?.kind === 'external' ? [election.standing.watch(told)] : [];
}

/** Beside that, the status of its own objects says what becomes of them. */
function showStatus(
  { leading, complete }: ClustersetNews,
  { showStatus: show, provider, driver, clock }: GivenParts,
  { routing, follower }: ServiceParts,
  lifetime: Lifetime,
): void {
  if (show === undefined) return;
  const { views: peers } = follower;
  const storeUp = (): boolean => driver.state.value === 'up';
  const news = new StatusNews({ leading, complete, provider, routing, peers, storeUp, clock });
  lifetime.add(() => news.close());
  const shown = show(news);
  lifetime.add(() => shown.close());
}

/** Looks now and from time to time, for what is wrong comes from many places. @returns what ends it */
function lookOften(clock: Clock, look: () => void): () => void {
  look();
  return every(clock, STATE_LOOK_MS, look);
}

interface Doors {
  readonly addresses: FederationAddresses;
  readonly fronts: readonly ConnectionFront[];
  readonly refusals: RefusalMeter;
  readonly admin: AdminServer;
}

async function openDoors(
  config: MemberConfig,
  given: GivenParts,
  { trust }: Ground,
  lifetime: Lifetime,
): Promise<Doors> {
  const fronts: ConnectionFront[] = [];
  const refusals = new RefusalMeter();
  const open = async (address: ListenAddress): Promise<ListenAddress> => {
    const front = makeFront(config, given, trust, refusals);
    fronts.push(front);
    lifetime.add(() => front.close());
    const renew = (): void => {
      if (trust.svid.value !== undefined) front.renew(trust.svid.value);
    };
    lifetime.add(trust.svid.watch(renew));
    lifetime.add(trust.trust.watch(renew));
    return { host: address.host, port: await front.listen(address) };
  };
  const gateways = await open(config.listen);
  const issuer = config.issuer && (await open(config.issuer));
  const admin = new AdminServer();
  lifetime.add(() => admin.close());
  const adminPort = await admin.listen(config.admin);
  const telemetry = config.telemetry && (await openTelemetry(config.telemetry, admin, given, lifetime));
  return {
    addresses: { gateways, issuer, admin: { host: config.admin.host, port: adminPort }, telemetry },
    fronts,
    refusals,
    admin,
  };
}

async function openTelemetry(
  address: ListenAddress,
  admin: AdminServer,
  { clock, log }: GivenParts,
  lifetime: Lifetime,
): Promise<ListenAddress> {
  try {
    const server = await TelemetryServer.open(address, {
      clock,
      pages: telemetryPages(() => admin.state),
      onFailure: (path, failure) => log.error({ path, failure: String(failure) }, 'telemetry failed'),
    });
    lifetime.add(() => server.close());
    return { host: address.host, port: server.port };
  } catch (failure) {
    throw failure instanceof Error ? cannotListen(address, failure) : failure;
  }
}

function makeFront(
  { local, limits }: MemberConfig,
  { clock, log }: GivenParts,
  trust: TrustSource,
  refusals: RefusalMeter,
): ConnectionFront {
  const svid = trust.svid.value;
  if (svid === undefined) throw new UserError('this service has no SVID');
  return new ConnectionFront(svid, {
    clock,
    gateway: gatewayId(local.trustDomain),
    bundles: () => trust.ownBundles,
    limits,
    refusals,
    onRefused: (remoteAddress, reason) => log.warn({ remoteAddress, reason }, 'a connection was refused'),
  });
}

function serve(
  config: MemberConfig,
  given: GivenParts,
  parts: ServiceParts,
  { fronts, admin }: Doors,
  lifetime: Lifetime,
  state: () => FederationState,
): void {
  const servers = makeServers(config, given, parts);
  lifetime.add(() => {
    parts.routing.gateways.close();
    return servers.close();
  });
  for (const front of fronts) front.serve(servers);
  const election = given.election?.kind === 'external' ? given.election : undefined;
  admin.serve({
    state,
    services: () => servicesOf(parts),
    standing: () => election?.standing.value,
    takeOver: election?.takeOver ?? (() => Promise.resolve(false)),
    leave: () => parts.publisher.leave(),
  });
}

function servicesOf({ routing, publisher }: ServiceParts): readonly ServiceReport[] {
  return serviceReports({
    snapshot: routing.history.value,
    isSaid: (key) => routing.exporter.records.has(key),
    isPublished: (key) => publisher.isPublished(key),
    disputesOf: (key) => routing.conflictsOf(key),
  });
}

function makeServers(config: MemberConfig, given: GivenParts, parts: ServiceParts): GrpcServers {
  const { clock, log, enrolment, gatewayProof } = given;
  const { routing, encoder, trust } = parts;
  return new GrpcServers({
    follow: (call) => {
      new GatewaySession(call, { history: routing.history, encoder, clock, listener: routing.gateways });
    },
    report: (call, answer) => {
      new ReportSession(call, answer, { clock, listener: routing.gateways });
    },
    enrolment,
    issuer: new Issuer({
      trustDomain: config.local.trustDomain,
      intermediate: () => trust.intermediate,
      proof: gatewayProof,
      clock,
    }),
    onFailure: (what, failure) => log.error({ failure: String(failure) }, `${what} failed`),
  });
}
