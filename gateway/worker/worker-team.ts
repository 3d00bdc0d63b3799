import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { UserError } from '../../federation/model/user-error.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import type { GatewayConfig } from '../config.ts';
import type { ControlPlane, SnapshotOffer } from '../control/control-plane.ts';
import type { HealthChecker } from '../health/health-checker.ts';
import type { Listener } from '../listener/connection-server.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import { GatewayFindings } from './gateway-findings.ts';
import { GatewayPicture } from './gateway-picture.ts';
import type { ParentMessage, WorkerMessage } from './messages.ts';
import { MetricsCollection } from './metrics-collection.ts';
import { SnapshotRollout } from './snapshot-rollout.ts';
import type { WorkerChannel } from './worker-channel.ts';
import { WorkerPool } from './worker-pool.ts';

export interface WorkerTeamOptions {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: OperationLog;
  readonly control: ControlPlane;
  readonly encoder: SnapshotEncoder;
  readonly checker: HealthChecker;
  /** Ports that clients of any service come to. */
  readonly sharedPorts: readonly number[];
}

const TICKET_SECRET_BYTES = 32;

/** A pod's workers and all that is said between them and their parent. */
export class WorkerTeam {
  readonly picture: GatewayPicture;
  readonly findings: GatewayFindings;
  readonly metrics: MetricsCollection;
  readonly #options: WorkerTeamOptions;
  readonly #pool: WorkerPool;
  readonly #rollout: SnapshotRollout;
  readonly #ticketSecret = randomBytes(TICKET_SECRET_BYTES);

  constructor(options: WorkerTeamOptions) {
    const { config, clock, random, log, control, encoder, checker } = options;
    this.#options = options;
    this.#pool = new WorkerPool({
      workers: config.workers,
      clock,
      random,
      log,
      introduce: (slot, channel) => this.#introduce(slot, channel),
      message: (channel, message) => this.#received(channel, message),
      gone: (pid) => this.#gone(pid),
    });
    const channels = (): readonly WorkerChannel[] => this.#pool.running;
    this.#rollout = new SnapshotRollout({
      clock,
      encoder,
      log,
      channels,
      known: () => this.findings.introduction(),
    });
    this.metrics = new MetricsCollection(clock, channels);
    this.picture = new GatewayPicture({
      clock,
      random,
      followed: this.#followed,
      sharedPorts: options.sharedPorts,
    });
    this.findings = new GatewayFindings({
      clock,
      checker,
      broadcast: (message, except) => this.#pool.broadcast(message, except),
      report: (report) => {
        this.picture.found(report.endpoints, clock.now());
        control.report(report);
      },
    });
  }

  /** Process ids of those that run. */
  get pids(): readonly number[] {
    return this.#pool.running.map(({ pid }) => pid);
  }

  /** Some worker serves by the newest snapshot. */
  get serving(): boolean {
    return this.#rollout.inForce;
  }

  start(): void {
    this.#options.control.svid.watch(() => {
      const message = this.#svidMessage();
      if (message !== undefined) this.#pool.broadcast(message);
    });
    this.#pool.start();
  }

  handOut(socket: Socket, listener: Listener): void {
    this.#pool.handOut(socket, listener);
  }

  /** Puts a snapshot in force in all workers. @throws when one of them refuses it, or it cannot be compiled. */
  async apply(offer: SnapshotOffer): Promise<void> {
    const { snapshot } = offer;
    // Workers compile it, and refuse what they cannot; the first comes before they run, and nobody would notice.
    if (this.#rollout.takesAtOnce) this.picture.check(snapshot);
    await this.#rollout.offer(offer);
    this.picture.use(snapshot, this.#options.clock.now());
    this.findings.snapshotChanged(snapshot);
  }

  reopenLog(): void {
    this.#pool.broadcast({ kind: 'reopen-log' });
  }

  /** A drain comes. */
  leave(): void {
    this.#pool.broadcast({ kind: 'leave' });
  }

  async drain(graceMs: number): Promise<void> {
    await this.#pool.drain(graceMs);
    this.#rollout.close();
  }

  kill(): void {
    this.#pool.kill();
    this.#rollout.close();
  }

  #introduce(slot: number, channel: WorkerChannel): void {
    const { config, sharedPorts } = this.#options;
    const { local, accessLog, forwarding, limits, workers } = config;
    channel.send({
      kind: 'start',
      config: {
        local,
        accessLog,
        forwarding,
        limits,
        workers,
        sharedPorts: [...sharedPorts],
        keepsTrunksWarm: slot === 0,
        followed: this.#followed,
        ticketSecret: this.#ticketSecret,
      },
    });
    const svid = this.#svidMessage();
    if (svid !== undefined) channel.send(svid);
    this.#rollout.introduce(channel);
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
        this.#rollout.refused(channel, message);
        return;
      case 'trunk':
        this.picture.saw(message);
        this.findings.sawTrunk(channel, message);
        return;
      case 'ejections':
        this.findings.ejected(channel.pid, message.endpoints);
        return;
      case 'collected':
        this.metrics.collected(channel, message.id, message.families);
        return;
      case 'overload':
        this.#pool.refuses(channel, message.refusesConnections);
        return;
      case 'enrol':
        this.#enrol(channel, message);
    }
  }

  /** Always answers: a worker's client waits for it. */
  async #enrol(channel: WorkerChannel, message: WorkerMessage & { kind: 'enrol' }): Promise<void> {
    const { control, log } = this.#options;
    const { id, request, remoteAddress } = message;
    try {
      const response = await control.enrol(request, remoteAddress);
      channel.send({ kind: 'enrolled', id, response });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log.warn({ remoteAddress, reason: error.message }, 'an enrolment could not be relayed');
      channel.send({ kind: 'enrolled', id });
    }
  }

  #gone(pid: number): void {
    this.#rollout.gone(pid);
    this.metrics.gone(pid);
    this.findings.workerGone(pid);
  }

  get #followed(): boolean {
    return this.#options.config.control.kind === 'federation';
  }

  #svidMessage(): ParentMessage | undefined {
    const svid = this.#options.control.svid.value;
    if (svid === undefined) return undefined;
    const { certificateChainPem, privateKeyPem } = svid;
    return { kind: 'svid', certificateChainPem, privateKeyPem };
  }
}
