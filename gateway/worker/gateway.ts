import { randomBytes, randomUUID } from 'node:crypto';
import { hostPort } from '../../federation/model/endpoint.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { AdminServer } from '../admin/admin-server.ts';
import type { GatewayConfig } from '../config.ts';
import type { ControlPlane } from '../control/control-plane.ts';
import { FederationControl } from '../control/federation-control.ts';
import { StateFolder } from '../control/state-folder.ts';
import { StaticControl } from '../control/static-control.ts';
import { HealthChecker } from '../health/health-checker.ts';
import { createProbe } from '../health/probe.ts';
import { Acceptor } from '../listener/acceptor.ts';
import { ServicePorts } from '../listener/service-ports.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import { adminRoutes } from './admin-routes.ts';
import { GatewayFindings } from './gateway-findings.ts';
import { GatewayPicture } from './gateway-picture.ts';
import type { ParentMessage, WorkerMessage } from './messages.ts';
import { MetricsCollection } from './metrics-collection.ts';
import { SnapshotRollout } from './snapshot-rollout.ts';
import type { WorkerChannel } from './worker-channel.ts';
import { WorkerPool } from './worker-pool.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: OperationLog;
  readonly softwareVersion: string;
  /** The gateway cannot go on; a person must mend it. */
  readonly onFatal: (error: UserError) => void;
}

const TICKET_SECRET_BYTES = 32;

/** A gateway pod's parent process: it owns what there is once, and its workers serve. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #lifetime = new Lifetime();
  readonly #pool: WorkerPool;
  readonly #acceptor: Acceptor;
  readonly #servicePorts: ServicePorts | undefined;
  readonly #rollout: SnapshotRollout;
  readonly #metrics: MetricsCollection;
  readonly #picture: GatewayPicture;
  readonly #findings: GatewayFindings;
  readonly #checker: HealthChecker;
  readonly #control: ControlPlane;
  readonly #ticketSecret = randomBytes(TICKET_SECRET_BYTES);
  #sharedPorts: number[] = [];
  #listening = false;
  readonly #ended = Promise.withResolvers<void>();
  #ending: Promise<void> | undefined;

  private constructor(options: GatewayOptions, control: ControlPlane) {
    const { config, clock, random, log } = options;
    this.#options = options;
    this.#control = control;
    this.#pool = new WorkerPool({
      workers: config.workers,
      clock,
      random,
      log,
      introduce: (slot, send) => this.#introduce(slot, send),
      message: (channel, message) => this.#received(channel, message),
      gone: (pid) => this.#workerGone(pid),
    });
    const channels = (): readonly WorkerChannel[] => this.#pool.running;
    this.#acceptor = new Acceptor((socket, listener) => this.#pool.handOut(socket, listener));
    this.#servicePorts = this.#createServicePorts();
    this.#rollout = new SnapshotRollout(clock, channels);
    this.#metrics = new MetricsCollection(clock, channels);
    this.#picture = new GatewayPicture({ random, followed: this.#followed });
    this.#checker = new HealthChecker({
      clock,
      random,
      probe: createProbe(),
      changed: () => this.#findings.checksChanged(),
    });
    this.#findings = new GatewayFindings({
      checker: this.#checker,
      broadcast: (message, except) => this.#pool.broadcast(message, except),
      report: (report) => {
        this.#picture.found(report.endpoints);
        control.report(report);
      },
    });
  }

  /** @throws UserError for what a person must mend. Nothing is left running then. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options, await openControl(options));
    try {
      await gateway.#start();
    } catch (error) {
      gateway.kill();
      await gateway.#lifetime.close();
      throw error;
    }
    return gateway;
  }

  /** Listens, has a snapshot in force, and has an identity. */
  get ready(): boolean {
    const identified = this.#control.svid.value !== undefined;
    return this.#listening && this.#rollout.inForce && identified && this.#ending === undefined;
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
    this.#pool.broadcast({ kind: 'reopen-log' });
  }

  /** Ends the workers at once. */
  kill(): void {
    this.#pool.kill();
  }

  async #start(): Promise<void> {
    const { config, log } = this.#options;
    const { http, mesh } = config.listeners;
    this.#lifetime.add(() => this.#control.close());
    const admin = await AdminServer.open(config.admin, this.#adminRoutes());
    this.#lifetime.add(() => admin.close());
    this.#lifetime.add(() => this.#acceptor.close());
    if (http !== undefined) this.#sharedPorts = [await this.#listen(http, 'http')];
    if (mesh !== undefined) await this.#listen(mesh, 'mesh');
    this.#listening = true;
    log.info({ address: admin.address }, 'admin endpoint');
    this.#control.svid.watch(() => {
      const message = this.#svidMessage();
      if (message !== undefined) this.#pool.broadcast(message);
    });
    this.#pool.start();
    await this.#control.start((offer) => this.#apply(offer));
  }

  async #listen(
    address: { readonly host: string; readonly port: number },
    kind: 'http' | 'mesh',
  ): Promise<number> {
    const { port } = await this.#acceptor.open(address, { kind }, `listeners.${kind}`);
    this.#options.log.info({ listener: kind, address: hostPort(address.host, port) }, 'listening');
    return port;
  }

  async #apply(offer: Parameters<Parameters<ControlPlane['start']>[0]>[0]): Promise<void> {
    const { clock } = this.#options;
    const next = this.#picture.compile(offer.snapshot, new Set(this.#sharedPorts));
    await this.#rollout.offer(offer);
    this.#picture.use(next, clock.now());
    this.#findings.snapshotChanged(offer.snapshot);
    this.#checker.update(offer.snapshot);
    await this.#servicePorts?.update(offer.snapshot);
  }

  #introduce(slot: number, send: (message: ParentMessage) => void): void {
    const { config } = this.#options;
    const { local, accessLog, limits, workers } = config;
    send({
      kind: 'start',
      config: {
        local,
        accessLog,
        limits,
        workers,
        sharedPorts: this.#sharedPorts,
        keepsTrunksWarm: slot === 0,
        followed: this.#followed,
        ticketSecret: this.#ticketSecret,
      },
    });
    const messages = [this.#svidMessage(), this.#rollout.introduction(), ...this.#findings.introduction()];
    for (const message of messages) if (message !== undefined) send(message);
  }

  #received(channel: WorkerChannel, message: WorkerMessage): void {
    switch (message.kind) {
      case 'ready':
      case 'drained':
        return;
      case 'applied':
        this.#rollout.applied(channel, message);
        return;
      case 'refused':
        this.#rollout.refused(channel, message.reason);
        return;
      case 'trunk':
        this.#picture.saw(message);
        this.#findings.sawTrunk(channel, message);
        return;
      case 'ejections':
        this.#findings.ejected(channel.pid, message.endpoints);
        return;
      case 'collected':
        this.#metrics.collected(channel, message.id, message.families);
        return;
      case 'enrol':
        this.#enrol(channel, message);
    }
  }

  async #enrol(channel: WorkerChannel, message: WorkerMessage & { kind: 'enrol' }): Promise<void> {
    const { id, request, remoteAddress } = message;
    try {
      const response = await this.#control.enrol(request, remoteAddress);
      channel.send({ kind: 'enrolled', id, response });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.warn({ remoteAddress, reason }, 'an enrolment could not be relayed');
      channel.send({ kind: 'enrolled', id });
    }
  }

  #workerGone(pid: number): void {
    this.#rollout.gone(pid);
    this.#metrics.gone(pid);
    this.#findings.workerGone(pid);
  }

  async #drain(): Promise<void> {
    const { config, log } = this.#options;
    log.info({ graceMs: config.drainGraceMs }, 'draining');
    this.#acceptor.close();
    this.#servicePorts?.close();
    this.#checker.close();
    await this.#pool.drain(config.drainGraceMs);
    await this.#lifetime.close();
    log.info('ended');
  }

  get #followed(): boolean {
    return this.#options.config.control.kind === 'federation';
  }

  #svidMessage(): ParentMessage | undefined {
    const svid = this.#control.svid.value;
    if (svid === undefined) return undefined;
    const { certificateChainPem, privateKeyPem } = svid;
    return { kind: 'svid', certificateChainPem, privateKeyPem };
  }

  #createServicePorts(): ServicePorts | undefined {
    const { config, clock, log } = this.#options;
    const host = config.listeners.servicesHost;
    if (host === undefined) return undefined;
    const onFailure = (error: UserError): void => log.error({ hint: error.hint }, error.message);
    return new ServicePorts({ host, acceptor: this.#acceptor, clock, onFailure });
  }

  #adminRoutes(): ReturnType<typeof adminRoutes> {
    return adminRoutes({
      clock: this.#options.clock,
      picture: this.#picture,
      findings: this.#findings,
      metrics: this.#metrics,
      control: this.#control,
      config: this.#options.config,
      workers: () => this.#pool.running.map(({ pid }) => pid),
      ready: () => this.ready,
      servicePorts: () => this.#servicePorts?.open ?? [],
      drain: () => {
        this.drain().catch((error: unknown) => this.#options.onFatal(asUserError(error)));
      },
    });
  }
}

async function openControl(options: GatewayOptions): Promise<ControlPlane> {
  const { config, clock, random, log, softwareVersion, onFatal } = options;
  const { control, local, stateFolder } = config;
  if (control.kind === 'static') return await StaticControl.load(control, local, clock.now());
  const folder = await StateFolder.open(stateFolder, local, randomUUID);
  return new FederationControl({
    config: control,
    local,
    folder,
    clock,
    random,
    log,
    softwareVersion,
    onFatal,
  });
}

function asUserError(error: unknown): UserError {
  return error instanceof UserError ? error : new UserError(String(error), { cause: error });
}
