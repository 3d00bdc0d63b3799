import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { type ClusterFile, localClusterOf } from '../clusters/folder/cluster-file.ts';
import { writeHomeFile } from '../clusters/folder/home-file.ts';
import { type FolderLayout, folderLayout } from '../clusters/folder/layout.ts';
import { storeUsername } from '../clusters/folder/store-access.ts';
import { createEnrolment } from '../clusters/join/enrolment.ts';
import type { KubeClient } from '../clusters/kubernetes/kube-client.ts';
import { KubernetesProvider } from '../clusters/kubernetes/kubernetes-provider.ts';
import { LeaderLease } from '../clusters/kubernetes/leader-lease.ts';
import { type LeadingClient, leadingClient } from '../clusters/kubernetes/leading-client.ts';
import type { ClustersetView } from '../clusters/kubernetes/mcs/clusterset-view.ts';
import { DerivedPorts } from '../clusters/kubernetes/mcs/derived-ports.ts';
import { McsController } from '../clusters/kubernetes/mcs/mcs-controller.ts';
import { AddressWatch } from '../clusters/kubernetes/membership/address-watch.ts';
import { ClustersetMap } from '../clusters/kubernetes/membership/clusterset-map.ts';
import { InvitesSecret } from '../clusters/kubernetes/membership/invites-secret.ts';
import { kubernetesRecords } from '../clusters/kubernetes/membership/kubernetes-records.ts';
import { MemberFolder } from '../clusters/kubernetes/membership/member-folder.ts';
import { openKubeClient } from '../clusters/kubernetes/membership/membership-settings.ts';
import { PortsMap } from '../clusters/kubernetes/membership/ports-map.ts';
import { TokenProof } from '../clusters/kubernetes/membership/token-proof.ts';
import { StatusController } from '../clusters/kubernetes/status/status-controller.ts';
import type { StatusObjects } from '../clusters/kubernetes/status/status-objects.ts';
import type { StatusView } from '../clusters/kubernetes/status/status-view.ts';
import { printBundle } from '../trust/bundle.ts';
import type { ClusterTrust } from '../trust/folder.ts';
import { AdminServer, waitingPages } from './admin/admin-server.ts';
import type { KubernetesConfig, MemberConfig, StoreConfig } from './config.ts';
import { enrolmentLog } from './enrolment-log.ts';
import { FederationService } from './federation-service.ts';
import { membershipWait } from './membership-wait.ts';
import type { GatewayAddress } from './model/cluster.ts';
import { parseHostPort } from './model/endpoint.ts';
import { createOperationLog } from './operation-log.ts';
import { OutsideProblems } from './outside-problems.ts';
import { exitInTime, untilSignal } from './process-end.ts';
import { every, SYSTEM_CLOCK } from './runtime/clock.ts';
import { readIfThere } from './runtime/durable-file.ts';
import { Lifetime } from './runtime/lifetime.ts';
import { TelemetryServer } from './runtime/telemetry-server.ts';
import { DerivedPortBook } from './state/derived-port-book.ts';
import { FilePortBook, type PortBook } from './state/port-book.ts';
import { ReplicaName } from './state/replica-name.ts';
import { openStore } from './store/open.ts';
import type { Election } from './store/publisher.ts';
import { readStoreAccess } from './store-access.ts';

/** Whatever was to be written and could not be, or was removed by somebody, is written again. */
const TELL_AGAIN_MS = 30_000;
/** Who ended the membership is in this pod too, and has something to say. */
const END_DELAY_MS = 3_000;

/** What a federation service in Kubernetes has before it is a member. */
interface Pod {
  readonly config: KubernetesConfig;
  readonly client: KubeClient;
  readonly namespace: string;
  readonly layout: FolderLayout;
  readonly folder: MemberFolder;
  readonly problems: OutsideProblems;
  readonly log: Logger;
}

/** The same where it writes only while it leads. */
type LeadingPod = Omit<Pod, 'client'> & { readonly client: LeadingClient };

/** `isthmus federation run` with a section `kubernetes`: waits for a membership, and runs for as long as it is one. */
export async function runInKubernetes(config: KubernetesConfig, file: string): Promise<void> {
  process.title = `isthmus federation of ${config.cluster}`;
  const log = createOperationLog({ process: 'federation', cluster: config.cluster });
  const signal = untilSignal();
  await using lifetime = new Lifetime();
  const pod = await openPod(config, file, log, lifetime);
  const member = await waitForMembership(pod, signal);
  if (typeof member === 'string') {
    log.info({ signal: member }, 'the federation service ends');
    return;
  }
  const service = await startService(pod, member, lifetime);
  lifetime.add(() => service.close());
  log.info({ ...service.addresses, clusterset: member.clusterset }, 'the federation service runs');
  const ended = await Promise.race([signal, pod.folder.until('ended')]);
  if (typeof ended === 'string') log.info({ signal: ended }, 'the federation service ends');
  else {
    log.info({ reason: ended.reason }, 'the federation service ends, and starts again as what it is then');
    await Promise.race([signal, new Promise<void>((done) => SYSTEM_CLOCK.after(END_DELAY_MS, done))]);
  }
  exitInTime(log);
}

async function openPod(
  config: KubernetesConfig,
  file: string,
  log: Logger,
  lifetime: Lifetime,
): Promise<Pod> {
  const { kubernetes } = config;
  const client = await openKubeClient(kubernetes);
  lifetime.add(() => client.close());
  const namespace = kubernetes.namespace ?? client.namespace;
  const layout = folderLayout(kubernetes.folder);
  // So that `isthmus cluster … --dir` knows whose working copy it has before it.
  await writeHomeFile(layout, { federationFile: resolve(file) });
  const problems = new OutsideProblems(log);
  const folder = new MemberFolder({
    client,
    namespace,
    name: kubernetes.membershipSecret,
    cluster: config.cluster,
    layout,
    random: Math.random,
    problem: (failure) => problems.tell('membership', failure),
  });
  lifetime.add(() => folder.close());
  return { config, client, namespace, layout, folder, problems, log };
}

/** @returns the signal, where that comes first */
async function waitForMembership(
  { config, folder, log }: Pod,
  signal: Promise<NodeJS.Signals>,
): Promise<ClusterFile | NodeJS.Signals> {
  await using room = new Lifetime();
  const waiting = () => membershipWait(folder.state.value);
  const admin = new AdminServer(waiting);
  room.add(() => admin.close());
  await admin.listen(config.admin);
  if (config.telemetry !== undefined) {
    const telemetry = await TelemetryServer.open(config.telemetry, {
      clock: SYSTEM_CLOCK,
      pages: waitingPages(waiting),
      onFailure: (path, failure) => log.error({ path, failure: String(failure) }, 'telemetry failed'),
    });
    room.add(() => telemetry.close());
  }
  let said = '';
  const stop = folder.state.watch((state) => {
    // Why nothing is known is logged as what is wrong around it.
    if (state.kind === 'member' || state.kind === 'unknown') return;
    const { kind, waitingFor, hint } = membershipWait(state);
    if (waitingFor === said) return;
    said = waitingFor;
    log[kind === 'waiting' ? 'info' : 'warn']({ hint }, `waits for ${waitingFor}`);
  });
  room.add(stop);
  const member = await Promise.race([signal, folder.until('member')]);
  return typeof member === 'string' ? member : member.file;
}

async function startService(pod: Pod, file: ClusterFile, lifetime: Lifetime): Promise<FederationService> {
  const { config, client, namespace, layout, problems, log } = pod;
  const { kubernetes } = config;
  const clock = SYSTEM_CLOCK;
  const random = Math.random;
  const member = memberConfig(config, layout, file);
  const access = await readStoreAccess(await storeOf(layout, file));
  const driver = openStore(access, { clusterset: file.clusterset, clock, random });
  lifetime.add(() => driver.close());
  const provider = await KubernetesProvider.open({
    client,
    random,
    lastGoodFile: join(member.stateFolder, 'last-good-resources.json'),
    clock,
    home: file.locality,
    network: config.network,
  });
  lifetime.add(() => provider.close());
  const { election, mayAct } = await elect(pod, member, lifetime);
  const leading = { ...pod, client: leadingClient(client, mayAct) };
  const invites = new InvitesSecret({ client, namespace, name: kubernetes.invitesSecret });
  const records = kubernetesRecords(client, invites);
  const serviceAccount = { namespace, name: kubernetes.gatewayServiceAccount };
  return FederationService.start(member, {
    provider,
    driver,
    enrolment: createEnrolment({ dir: layout.root, records, clock, log: enrolmentLog(log) }),
    gatewayProof: new TokenProof({ client, clock, serviceAccount, audience: kubernetes.tokenAudience }),
    gateways: watchAddresses(pod, file, lifetime),
    election,
    onTrust: tellCluster(pod, file, lifetime),
    outsideProblems: problems.list,
    showClusterset: (view) => showClusterset(leading, view),
    showStatus: (view) => showStatus(leading, provider.statuses, view),
    portBook: openPortBook(client, member.servicePortsFile, lifetime),
    clock,
    random,
    log,
  });
}

/**
 * One replica writes, by a Lease; the others have the ports that it gave.
 * @returns what is known of that here; `mayAct` is right also after this process stood still
 */
async function elect(
  { config, client, namespace, problems, log }: Pod,
  { servicePortsFile: path }: MemberConfig,
  lifetime: Lifetime,
): Promise<{ readonly election: Election; readonly mayAct: () => boolean }> {
  const { electionLease, portsConfigMap } = config.kubernetes;
  const common = { client, namespace, clock: SYSTEM_CLOCK, random: Math.random };
  const replica = await ReplicaName.open({
    folder: join(config.stateFolder, 'election'),
    host: hostname(),
    fresh: randomUUID,
    warn: (message) => log.warn(message),
  });
  lifetime.add(() => replica.close());
  const lease = new LeaderLease({ ...common, name: electionLease, identity: replica.name });
  lifetime.add(() => lease.close());
  lifetime.add(lease.election.watch(({ problem }) => problems.tell(electionLease, problem)));
  const ports = await PortsMap.open({
    ...common,
    name: portsConfigMap,
    path,
    leads: () => lease.mayAct(),
    problem: (failure) => problems.tell(portsConfigMap, failure),
  });
  lifetime.add(() => ports.close());
  return {
    election: {
      kind: 'external',
      standing: lease.standing,
      takeOver: (timeoutMs) => lease.takeOver(timeoutMs),
    },
    mayAct: () => lease.mayAct(),
  };
}

/** Imports, and the status of exports, as objects of the cluster. */
function showClusterset(
  { config, client, namespace, problems }: LeadingPod,
  view: ClustersetView,
): McsController {
  return new McsController({
    client,
    namespace,
    gatewayService: config.kubernetes.gatewayService,
    view,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    problems: (found) => problems.tell('imports', found.length === 0 ? undefined : found.join('; ')),
  });
}

/** What becomes of policies, routes and peers, in their own status. */
function showStatus(
  { client, problems }: LeadingPod,
  objects: StatusObjects,
  view: StatusView,
): StatusController {
  return new StatusController({
    client,
    objects,
    view,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    problems: (found) => problems.tell('statuses', found.length === 0 ? undefined : found.join('; ')),
  });
}

function openPortBook(client: KubeClient, ownFile: string, lifetime: Lifetime): PortBook {
  const derived = new DerivedPorts({ client, clock: SYSTEM_CLOCK, random: Math.random });
  lifetime.add(() => derived.close());
  return new DerivedPortBook(derived, new FilePortBook(ownFile));
}

function watchAddresses({ config, client, namespace, problems }: Pod, file: ClusterFile, lifetime: Lifetime) {
  const watch = new AddressWatch({
    ...config.kubernetes,
    client,
    namespace,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    initial: knownAddresses(file),
    problem: (failure) => problems.tell('gateway addresses', failure),
  });
  lifetime.add(() => watch.close());
  return watch.addresses;
}

function knownAddresses({ gateways }: ClusterFile): readonly GatewayAddress[] {
  return gateways.map((text) => parseHostPort(text)).filter((address) => address !== undefined);
}

/** Tells the gateways what is trusted, and brings home what was renewed: at each change, and from time to time. */
function tellCluster(pod: Pod, file: ClusterFile, lifetime: Lifetime): (trust: ClusterTrust) => void {
  const { config, client, namespace, folder, problems } = pod;
  const name = config.kubernetes.clustersetConfigMap;
  const map = new ClustersetMap({ client, namespace, name });
  const { cluster, clusterset, locality } = file;
  let bundle: string | undefined;
  let telling: Promise<void> = Promise.resolve();
  const tell = async (): Promise<void> => {
    if (bundle === undefined || folder.state.value.kind !== 'member') return;
    await folder.bringHome();
    await map.publish({ cluster, clusterset, locality, bundle });
  };
  const again = (): void => {
    telling = telling.then(tell).then(
      () => problems.tell(name, undefined),
      (failure: unknown) => problems.tell(name, failure),
    );
  };
  const stops = [every(SYSTEM_CLOCK, TELL_AGAIN_MS, again), client.onReturn(again)];
  lifetime.add(() => {
    for (const stop of stops) stop();
    return telling;
  });
  return (trust) => {
    bundle = printBundle(trust.bundle);
    again();
  };
}

function memberConfig(config: KubernetesConfig, layout: FolderLayout, file: ClusterFile): MemberConfig {
  const { cluster: _cluster, kubernetes: _kubernetes, ...own } = config;
  const local = localClusterOf(file);
  // Of this membership: one that ended leaves its own behind.
  const stateFolder = join(config.stateFolder, local.trustDomain);
  const usual = config.servicePortsFile === join(config.stateFolder, 'ports.json');
  const servicePortsFile = usual ? join(stateFolder, 'ports.json') : config.servicePortsFile;
  return { ...own, local, stateFolder, servicePortsFile, trustFolder: layout.trust };
}

async function storeOf(layout: FolderLayout, { store, cluster }: ClusterFile): Promise<StoreConfig> {
  if (store.kind === 'memory') {
    const address = parseHostPort(store.address);
    if (address !== undefined) return { kind: 'memory', address };
    throw new Error(`${layout.clusterFile}: the store's address is not HOST:PORT`);
  }
  const hasUser = (await readIfThere(layout.storePasswordFile)) !== undefined;
  return {
    kind: 'redis',
    urls: store.urls,
    username: hasUser ? storeUsername(cluster) : undefined,
    passwordFile: hasUser ? layout.storePasswordFile : undefined,
    caFile: store.caPem === undefined ? undefined : layout.storeCaFile,
    sentinel: store.sentinel,
    cluster: store.cluster ?? false,
  };
}
