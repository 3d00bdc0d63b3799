import { randomUUID } from 'node:crypto';
import { hostPort } from '../../federation/model/endpoint.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { TelemetryServer } from '../../federation/runtime/telemetry-server.ts';
import { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import type { Svid } from '../../trust/svid.ts';
import { AdminServer, openError } from '../admin/admin-server.ts';
import type { GatewayConfig, ListenAddress } from '../config.ts';
import type { ControlPlane, SnapshotOffer } from '../control/control-plane.ts';
import { FederationControl } from '../control/federation-control.ts';
import { StateFolder } from '../control/state-folder.ts';
import { StaticControl } from '../control/static-control.ts';
import { HealthChecker } from '../health/health-checker.ts';
import { createProbe } from '../health/probe.ts';
import { Acceptor } from '../listener/acceptor.ts';
import type { Listener } from '../listener/connection-server.ts';
import { ServicePorts } from '../listener/service-ports.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import { type AdminContext, adminRoutes, telemetryPages } from './admin-routes.ts';
import { WorkerIdentity } from './worker-identity.ts';
import { WorkerTeam } from './worker-team.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: OperationLog;
  readonly softwareVersion: string;
  /** The gateway cannot go on; a person must mend it. */
  readonly onFatal: (error: UserError) => void;
}

type SharedListener = Exclude<Listener['kind'], 'service'>;

/** Where in gateway.yaml each shared listener is. */
const SETTINGS: Readonly<Record<SharedListener, string>> = {
  http: 'listeners.http',
  mesh: 'listeners.mesh',
  'tls-passthrough': 'listeners.tlsPassthrough',
};

/** A gateway pod's parent process: it owns what there is once, and its workers serve. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #control: ControlPlane;
  readonly #lifetime = new Lifetime();
  readonly #checker: HealthChecker;
  /** For the checks; each worker has its own. */
  readonly #identity = new WorkerIdentity(() => undefined);
  readonly #team: WorkerTeam;
  readonly #acceptor: Acceptor;
  readonly #servicePorts: ServicePorts | undefined;
  readonly #sharedPorts: number[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #listening = false;
  #ending: Promise<void> | undefined;
  #cutDelay = (): void => undefined;

  private constructor(options: GatewayOptions, control: ControlPlane, encoder: SnapshotEncoder) {
    const { clock, random } = options;
    this.#options = options;
    this.#control = control;
    const changed = (): void => this.#team.findings.checksChanged();
    const probe = createProbe({ clock, credentials: () => this.#identity.credentials });
    this.#checker = new HealthChecker({ clock, random, probe, changed });
    this.#team = new WorkerTeam({
      ...options,
      control,
      encoder,
      checker: this.#checker,
      sharedPorts: this.#sharedPorts,
    });
    this.#acceptor = new Acceptor((socket, listener) => this.#team.handOut(socket, listener));
    this.#servicePorts = this.#createServicePorts();
  }

  /** @throws UserError for what a person must mend. Nothing is left running then. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const encoder = new SnapshotEncoder();
    const gateway = new Gateway(options, await openControl(options, encoder), encoder);
    try {
      await gateway.#start();
    } catch (error) {
      gateway.kill();
      await gateway.#lifetime.close();
      throw error;
    }
    return gateway;
  }

  /** Listens, serves by the newest snapshot, and has an identity. */
  get ready(): boolean {
    const identified = this.#control.svid.value !== undefined;
    return this.#listening && this.#team.serving && identified && this.#ending === undefined;
  }

  /** Settles when a drain, whoever asked for it, is over. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Ends gracefully: no new connections, and what is open is served to its end within the grace period. Resolves
   * when all is closed.
   */
  drain(): Promise<void> {
    if (this.#ending === undefined) {
      this.#ending = this.#drain();
      this.#ending.then(this.#ended.resolve, this.#ended.reject);
    }
    return this.#ending;
  }

  /** The access log's file was moved away: the lines that follow go into a new one. */
  reopenLog(): void {
    this.#team.reopenLog();
  }

  /** Ends the workers at once. */
  kill(): void {
    this.#cutDelay();
    this.#team.kill();
  }

  async #start(): Promise<void> {
    const { config, log } = this.#options;
    const { http, mesh, tlsPassthrough } = config.listeners;
    this.#followSvid();
    this.#lifetime.add(() => this.#control.close());
    const admin = await AdminServer.open(config.admin, adminRoutes(this.#adminContext()));
    this.#lifetime.add(() => admin.close());
    if (config.telemetry !== undefined) await this.#openTelemetry(config.telemetry);
    this.#lifetime.add(() => this.#acceptor.close());
    if (http !== undefined) await this.#listen(http, 'http');
    if (mesh !== undefined) await this.#listen(mesh, 'mesh');
    if (tlsPassthrough !== undefined) await this.#listen(tlsPassthrough, 'tls-passthrough');
    this.#listening = true;
    log.info({ address: admin.address }, 'admin endpoint');
    this.#team.start();
    await this.#control.start((offer) => this.#apply(offer));
  }

  #followSvid(): void {
    const use = (svid: Svid | undefined): void => {
      if (svid !== undefined) this.#identity.useSvid(svid);
    };
    use(this.#control.svid.value);
    this.#lifetime.add(this.#control.svid.watch(use));
  }

  async #listen(address: ListenAddress, kind: SharedListener): Promise<void> {
    const { port } = await this.#acceptor.open(address, { kind }, SETTINGS[kind]);
    this.#sharedPorts.push(port);
    this.#options.log.info({ listener: kind, address: hostPort(address.host, port) }, 'listening');
  }

  async #apply(offer: SnapshotOffer): Promise<void> {
    await this.#team.apply(offer);
    // In a drain the workers still need what is new; ports and checks have ended.
    if (!this.#listening) return;
    this.#identity.useSnapshot(offer.snapshot);
    this.#checker.update(offer.snapshot);
    await this.#servicePorts?.update(offer.snapshot);
  }

  async #drain(): Promise<void> {
    const { config, log } = this.#options;
    const { drainDelayMs, drainGraceMs } = config;
    log.info({ delayMs: drainDelayMs, graceMs: drainGraceMs }, 'draining');
    this.#team.leave();
    if (drainDelayMs > 0) await this.#delay(drainDelayMs);
    this.#listening = false;
    this.#acceptor.close();
    this.#servicePorts?.close();
    this.#checker.close();
    await this.#team.drain(drainGraceMs);
    await this.#lifetime.close();
    log.info('ended');
  }

  /** Whoever sends connections here learns from `/readyz` that there are to be no more; until then they are taken. */
  #delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(delayMs, resolve);
      this.#cutDelay = resolve;
    });
  }

  #createServicePorts(): ServicePorts | undefined {
    const { config, clock, log } = this.#options;
    const host = config.listeners.servicesHost;
    if (host === undefined) return undefined;
    const onFailure = (error: UserError): void => log.error({ hint: error.hint }, error.message);
    return new ServicePorts({ host, acceptor: this.#acceptor, clock, onFailure });
  }

  async #openTelemetry(address: ListenAddress): Promise<void> {
    const { clock, log } = this.#options;
    try {
      const server = await TelemetryServer.open(address, {
        clock,
        pages: telemetryPages(this.#adminContext()),
        onFailure: (path, failure) => log.error({ path, failure: String(failure) }, 'telemetry failed'),
      });
      this.#lifetime.add(() => server.close());
      log.info({ address: hostPort(address.host, server.port) }, 'telemetry endpoint');
    } catch (failure) {
      throw failure instanceof Error ? openError(failure, address, 'telemetry') : failure;
    }
  }

  #adminContext(): AdminContext {
    const { clock, config, onFatal } = this.#options;
    return {
      clock,
      config,
      team: this.#team,
      control: this.#control,
      ready: () => this.ready,
      servicePorts: () => this.#servicePorts?.open ?? [],
      drain: () => {
        this.drain().catch((error: unknown) => onFatal(asUserError(error)));
      },
    };
  }
}

async function openControl(options: GatewayOptions, encoder: SnapshotEncoder): Promise<ControlPlane> {
  const { config, clock, random, log, softwareVersion, onFatal } = options;
  const { control, local, stateFolder } = config;
  if (control.kind === 'static') return await StaticControl.load(control, local, clock.now());
  const folder = await StateFolder.open(stateFolder, local, randomUUID, softwareVersion);
  const common = { local, folder, encoder, clock, random, log, softwareVersion, onFatal };
  return new FederationControl({ ...common, config: control });
}

function asUserError(error: unknown): UserError {
  return error instanceof UserError ? error : new UserError(String(error), { cause: error });
}
