import { lookup } from 'node:dns/promises';
import { readTextFile } from '../../federation/config/yaml-file.ts';
import type { LocalCluster } from '../../federation/model/cluster.ts';
import { gatewayDnsName, gatewayId } from '../../federation/model/identity.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { type BackoffPolicy, backoffMs } from '../../federation/runtime/backoff.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import { pause } from '../../federation/runtime/pause.ts';
import { type Readable, Watchable } from '../../federation/runtime/watchable.ts';
import type { HealthReport } from '../../federation/wire/health-report.ts';
import type { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import type { Svid } from '../../trust/svid.ts';
import { SvidSource } from '../../trust/svid-source.ts';
import type { ControlConfig, ListenAddress } from '../config.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import type { ApplySnapshot, ControlPlane, ControlState } from './control-plane.ts';
import { FederationClient, loadRoots, RefusedError } from './federation-client.ts';
import { Follower } from './follower.ts';
import { ReplicaReports } from './replica-reports.ts';
import { SnapshotSaver } from './snapshot-saver.ts';
import type { StateFolder } from './state-folder.ts';

/** Short: news must be here again within five seconds of the service's return. */
const RECONNECT: BackoffPolicy = { baseMs: 200, maxMs: 3_000 };
/** A change waits this long for others, so that one loss is one report. */
const REPORT_DELAY_MS = 20;

export interface FederationControlOptions {
  readonly config: ControlConfig & { kind: 'federation' };
  readonly local: LocalCluster;
  readonly folder: StateFolder;
  readonly encoder: SnapshotEncoder;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: OperationLog;
  readonly softwareVersion: string;
  /** There is no identity, and no trying again will bring one. */
  readonly onFatal: (error: UserError) => void;
}

/** The gateway's side of its federation service: identity, snapshots, findings. */
export class FederationControl implements ControlPlane {
  readonly svid: Readable<Svid | undefined>;
  readonly #state: Watchable<ControlState>;
  readonly #options: FederationControlOptions;
  readonly #source: SvidSource;
  readonly #saver: SnapshotSaver;
  readonly #closed = new Watchable(false);
  readonly #startedAtMs: number;
  #follower: Follower | undefined;
  #replicas: ReplicaReports | undefined;
  #client: FederationClient | undefined;
  #running: Promise<void> | undefined;
  #report: HealthReport | undefined;
  #diskFailed = false;
  #cancelReport: (() => void) | undefined;

  constructor(options: FederationControlOptions) {
    const { clock, random, local, folder, encoder } = options;
    this.#options = options;
    this.#startedAtMs = clock.now();
    this.#state = new Watchable<ControlState>({ kind: 'connecting' });
    this.#source = new SvidSource({
      clock,
      random,
      id: gatewayId(local.trustDomain),
      dnsNames: [gatewayDnsName(local.trustDomain)],
      folder: folder.svidFolder,
      issue: (csrDer) => this.#issue(csrDer),
    });
    this.svid = this.#source.svid;
    this.#source.problem.watch((problem) => {
      if (problem !== undefined) options.log.error(problem);
    });
    this.#saver = new SnapshotSaver({
      clock,
      store: (snapshot) => folder.storeSnapshot(encoder.snapshot(snapshot)),
      onResult: (failure) => this.#diskResult(failure),
    });
  }

  get state(): Readable<ControlState> {
    return this.#state;
  }

  async start(apply: ApplySnapshot): Promise<void> {
    const { config, local, folder, encoder, log, softwareVersion } = this.#options;
    // Read for its errors: a wrong path must end the start, not appear in each try.
    await Promise.all([loadRoots(config.bundleFile, local.trustDomain), readTextFile(config.secretFile)]);
    this.#follower = new Follower({
      trustDomain: local.trustDomain,
      gateway: folder.gateway,
      softwareVersion,
      startedAtMs: this.#startedAtMs,
      encoder,
      apply,
      applied: (snapshot) => this.#saver.save(snapshot),
      refused: (reason) => log.error({ reason }, 'a snapshot was refused; the one before stays in force'),
    });
    const stored = await this.#offerStored(apply);
    if (stored !== undefined) this.#follower.begin(stored, folder.isOfThisRelease);
    await this.#source.start();
    this.#replicas = this.#tellReplicas();
    this.#running = this.#run(this.#follower);
  }

  report(report: HealthReport): void {
    this.#report = report;
    this.#cancelReport ??= this.#options.clock.after(REPORT_DELAY_MS, () => {
      this.#cancelReport = undefined;
      if (this.#report === undefined) return;
      this.#follower?.report(this.#report);
      this.#replicas?.report(this.#report);
    });
  }

  async enrol(request: Uint8Array, remoteAddress: string): Promise<Uint8Array> {
    if (this.#client !== undefined) return await this.#client.enrol(request, remoteAddress);
    throw new UserError('the federation service of this cluster is away');
  }

  async close(): Promise<void> {
    this.#closed.set(true);
    this.#cancelReport?.();
    this.#client?.close();
    await this.#source.close();
    await Promise.all([this.#running, this.#replicas?.close()]);
    await this.#saver.close();
  }

  async #offerStored(apply: ApplySnapshot): Promise<RoutingSnapshot | undefined> {
    const { folder, local, log, encoder } = this.#options;
    const stored = await folder.loadSnapshot(local, {
      read: (service, bytes) => encoder.keep(service, bytes),
    });
    if (stored.kind === 'unusable') this.#cannotUseStored(stored.reason);
    if (stored.kind !== 'stored') return undefined;
    const { snapshot, bytes } = stored;
    try {
      await apply({ snapshot, encoded: { kind: 'snapshot', bytes } });
    } catch (error) {
      // Another release may have written it: what this one cannot compile is no reason not to start.
      this.#cannotUseStored(error instanceof Error ? error.message : String(error));
      return undefined;
    }
    log.info({ epoch: snapshot.epoch, version: snapshot.version }, 'snapshot read from disk');
    return snapshot;
  }

  #cannotUseStored(reason: string): void {
    this.#options.log.error({ reason }, 'the snapshot on disk cannot be used; waiting for a new one');
  }

  async #issue(csrDer: Uint8Array): Promise<Uint8Array[]> {
    const { config, local, onFatal } = this.#options;
    const proof = (await readTextFile(config.secretFile)).trim();
    const roots = await loadRoots(config.bundleFile, local.trustDomain);
    const target = { address: config.issuerAddress, trustDomain: local.trustDomain, roots };
    const client = new FederationClient(target, undefined);
    try {
      return await client.issue(csrDer, proof);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (config.proof === 'token') throw refusedToken(error, config.secretFile);
      if (this.svid.value === undefined) onFatal(error);
      throw error;
    } finally {
      client.close();
    }
  }

  async #run(follower: Follower): Promise<void> {
    let attempt = 0;
    while (!this.#closed.value) {
      const heard = await this.#followOnce(follower);
      attempt = heard ? 0 : attempt + 1;
      const delayMs = backoffMs(RECONNECT, attempt, this.#options.random);
      if (!this.#closed.value) await pause(this.#options.clock, delayMs, (end) => this.#closed.watch(end));
    }
  }

  /** One stream from its beginning to its end; true when the service said something on it. */
  async #followOnce(follower: Follower): Promise<boolean> {
    let heard = false;
    const svid = await this.#nextSvid();
    if (svid === undefined) return heard;
    let client: FederationClient | undefined;
    const ends: (() => void)[] = [];
    try {
      client = await this.#dial(this.#options.config.address, svid);
      this.#client = client;
      const stream = client.follow();
      // A renewed SVID is shown by dialling again: what the gateway has is named in its Hello.
      ends.push(
        this.svid.watch(() => stream.cancel()),
        this.#closed.watch(() => stream.cancel()),
      );
      // It was perhaps closed while this was dialled.
      if (this.#closed.value) stream.cancel();
      await follower.follow(stream, () => {
        heard = true;
        this.#connected();
      });
      this.#away('the federation service ended the stream');
    } catch (error) {
      if (!this.#closed.value && this.svid.value === svid)
        this.#away(client?.failure(error).message ?? String(error));
    } finally {
      for (const end of ends) end();
      if (this.#client === client) this.#client = undefined;
      client?.close();
    }
    return heard;
  }

  async #dial(address: ListenAddress, svid: Svid): Promise<FederationClient> {
    const { config, local } = this.#options;
    const roots = await loadRoots(config.bundleFile, local.trustDomain);
    return new FederationClient({ address, trustDomain: local.trustDomain, roots }, svid);
  }

  #tellReplicas(): ReplicaReports | undefined {
    const { config, folder, clock, random, log, softwareVersion } = this.#options;
    if (config.replicas.length === 0) return undefined;
    return new ReplicaReports({
      replicas: config.replicas,
      resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
      dial: (address, svid) => this.#dial(address, svid),
      gateway: folder.gateway,
      softwareVersion,
      startedAtMs: this.#startedAtMs,
      svid: this.svid,
      clock,
      random,
      log,
    });
  }

  /** undefined when this is closed before there is one. */
  #nextSvid(): Promise<Svid | undefined> {
    if (this.svid.value !== undefined || this.#closed.value) return Promise.resolve(this.svid.value);
    return new Promise((resolve) => {
      const done = (svid: Svid | undefined): void => {
        for (const end of ends) end();
        resolve(svid);
      };
      const ends = [this.svid.watch(done), this.#closed.watch(() => done(undefined))];
    });
  }

  /** Serving goes on: the gateway only starts with older news, should it have to without its federation service. */
  #diskResult(failure: Error | undefined): void {
    const { log, folder } = this.#options;
    if (failure === undefined && this.#diskFailed)
      log.info({ folder: folder.path }, 'snapshots are stored again');
    if (failure !== undefined && !this.#diskFailed) {
      log.error(
        { folder: folder.path, reason: failure.message },
        'the snapshot could not be stored; serving goes on',
      );
    }
    this.#diskFailed = failure !== undefined;
  }

  #connected(): void {
    if (this.#state.value.kind === 'following') return;
    this.#options.log.info('following the federation service');
    this.#state.set({ kind: 'following', sinceMs: this.#options.clock.now() });
  }

  /** The same reason is told once, not at each try. */
  #away(reason: string): void {
    const { value } = this.#state;
    if (value.kind === 'away' && value.reason === reason) return;
    this.#options.log.warn({ reason }, 'without the federation service; what is in force stays');
    const sinceMs = value.kind === 'away' ? value.sinceMs : this.#options.clock.now();
    this.#state.set({ kind: 'away', sinceMs, reason });
  }
}

/** It may be good a moment later: an API server that starts refuses all, and kubelet brings another. */
function refusedToken(cause: RefusedError, file: string): UserError {
  return new UserError(
    `${cause.message}; it is asked again, with what ${file} holds then. If that stays so: must the token be of another ` +
      'service account (kubernetes.gatewayServiceAccount of federation.yaml), or for another audience (tokenAudience)?',
    { cause },
  );
}
