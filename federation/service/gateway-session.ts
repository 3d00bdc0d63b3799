import { type ServiceError, status } from '@grpc/grpc-js';
import type { RoutingSnapshot } from '../model/snapshot.ts';
import type { Clock } from '../runtime/clock.ts';
import { WireError } from '../wire/field-checks.ts';
import { type GatewayStatement, gatewayStatementFromWire } from '../wire/gateway-message.ts';
import type { GatewayMessage } from '../wire/gen/federation_pb.ts';
import type { HealthReport } from '../wire/health-report.ts';
import { diffSnapshots } from '../wire/snapshot-delta.ts';
import type { SnapshotEncoder } from '../wire/snapshot-encoder.ts';
import type { SnapshotHistory } from './snapshot-history.ts';

/** What a session needs of gRPC's ServerDuplexStream. */
export interface FollowCall {
  getPeer(): string;
  on(event: 'data', listener: (message: GatewayMessage) => void): unknown;
  on(event: 'end' | 'close' | 'cancelled' | 'error', listener: () => void): unknown;
  /** @param done called when the other side has taken so much that the next message may be made */
  write(message: Buffer, done: () => void): unknown;
  end(): unknown;
  /** Ends the call with a status other than OK. */
  emit(event: 'error', failure: Pick<ServiceError, 'code' | 'details'>): unknown;
}

/** Who is at the other end, as it says itself. */
export interface GatewayHello {
  readonly gateway: string;
  readonly softwareVersion: string;
  readonly startedAtMs: number;
}

export interface GatewayRefusal {
  readonly epoch: number;
  readonly version: number;
  readonly reason: string;
  readonly atMs: number;
}

/** For `status`. */
export interface GatewayStatus extends GatewayHello {
  /** Another: it follows another replica, and only tells this one what it finds. */
  readonly follows: 'this-replica' | 'another-replica';
  readonly remoteAddress: string;
  readonly connectedAtMs: number;
  readonly sentVersion: number | undefined;
  readonly ackedVersion: number | undefined;
  readonly ackedAtMs: number | undefined;
  /** The newest snapshot that it could not use, until it took a later one. */
  readonly refused: GatewayRefusal | undefined;
}

/** One stream of a gateway. */
export interface Session {
  readonly kind: 'follow' | 'report';
  /** undefined before its Hello. */
  readonly status: GatewayStatus | undefined;
  /** Ends the stream properly. */
  end(): void;
}

export interface SessionListener {
  joined(session: Session, hello: GatewayHello): void;
  reported(session: Session, hello: GatewayHello, report: HealthReport): void;
  refused(session: Session, hello: GatewayHello, refusal: GatewayRefusal): void;
  ended(session: Session): void;
}

export interface SessionOptions {
  readonly history: SnapshotHistory;
  readonly encoder: SnapshotEncoder;
  readonly clock: Clock;
  readonly listener: SessionListener;
}

type Phase =
  | { readonly kind: 'awaiting-hello' }
  | { readonly kind: 'following'; readonly hello: GatewayHello }
  | { readonly kind: 'ended' };

export const HELLO_TIMEOUT_MS = 10_000;
/** A gateway that cannot use a full snapshot is not sent each later one at once. */
const REFUSED_PAUSE_MS = 5000;

/**
 * One gateway's Follow stream. At most one message is on its way until it is acknowledged, which is when all workers route by
 * it: a gateway that is slow, or busy, gets the merged difference when it is ready again, which costs it little more than one
 * change. What is held for it is one snapshot, shared with all others.
 */
export class GatewaySession implements Session {
  readonly kind = 'follow';
  readonly #call: FollowCall;
  readonly #options: SessionOptions;
  readonly #connectedAtMs: number;
  readonly #unwatch: readonly (() => void)[];
  #phase: Phase = { kind: 'awaiting-hello' };
  #cancelTimer: () => void;
  #writing = false;
  /** What was sent and is neither acknowledged nor refused yet: each message gets one answer. */
  #awaited: 'nothing' | 'snapshot' | 'delta' = 'nothing';
  #paused = false;
  /** What the gateway has once all that was sent has arrived; undefined = it needs a full snapshot. */
  #sent: RoutingSnapshot | undefined;
  #takesPatches = false;
  /** Of what it had when it came; 0 = nothing. */
  #hadEpoch = 0;
  #acked: { readonly version: number; readonly atMs: number } | undefined;
  #refused: GatewayRefusal | undefined;

  constructor(call: FollowCall, options: SessionOptions) {
    this.#call = call;
    this.#options = options;
    this.#connectedAtMs = options.clock.now();
    this.#cancelTimer = options.clock.after(HELLO_TIMEOUT_MS, () => this.#refuse('no Hello came in time'));
    this.#unwatch = [
      options.history.watch(() => this.#push()),
      options.history.whole.watch(() => this.#push()),
    ];
    call.on('data', (message: GatewayMessage) => this.#receive(message));
    call.on('end', () => this.end());
    call.on('close', () => this.#onEnd());
    call.on('cancelled', () => this.#onEnd());
    call.on('error', () => this.#onEnd());
  }

  get status(): GatewayStatus | undefined {
    if (this.#phase.kind !== 'following') return undefined;
    return {
      ...this.#phase.hello,
      follows: 'this-replica',
      remoteAddress: this.#call.getPeer(),
      connectedAtMs: this.#connectedAtMs,
      sentVersion: this.#sent?.version,
      ackedVersion: this.#acked?.version,
      ackedAtMs: this.#acked?.atMs,
      refused: this.#refused,
    };
  }

  /** The gateway connects again. */
  end(): void {
    if (this.#phase.kind === 'ended') return;
    this.#onEnd();
    this.#call.end();
  }

  /** Ends it because the other side broke the contract. */
  #refuse(details: string): void {
    if (this.#phase.kind === 'ended') return;
    this.#onEnd();
    this.#call.emit('error', { code: status.INVALID_ARGUMENT, details });
  }

  #onEnd(): void {
    if (this.#phase.kind === 'ended') return;
    this.#phase = { kind: 'ended' };
    this.#cancelTimer();
    for (const stop of this.#unwatch) stop();
    this.#options.listener.ended(this);
  }

  #receive(message: GatewayMessage): void {
    try {
      this.#handle(gatewayStatementFromWire(message));
    } catch (failure) {
      if (!(failure instanceof WireError)) throw failure;
      this.#refuse(failure.message);
    }
  }

  #handle(statement: GatewayStatement): void {
    switch (this.#phase.kind) {
      case 'ended':
        return;
      case 'awaiting-hello':
        if (statement.kind !== 'hello') throw new WireError('hello: must be the first message');
        this.#greet(statement);
        return;
      case 'following':
        this.#follow(this.#phase.hello, statement);
    }
  }

  #follow(hello: GatewayHello, statement: GatewayStatement): void {
    switch (statement.kind) {
      case 'hello':
        throw new WireError('hello: is there twice');
      case 'ack':
        this.#ack(statement.version);
        break;
      case 'nack': {
        const { epoch, version, reason } = statement;
        this.#nack(hello, { epoch, version, reason, atMs: this.#options.clock.now() });
        break;
      }
      case 'health':
        this.#options.listener.reported(this, hello, statement.report);
    }
  }

  #greet(hello: GatewayStatement & { readonly kind: 'hello' }): void {
    const { gateway, softwareVersion, startedAtMs } = hello;
    this.#cancelTimer();
    this.#phase = { kind: 'following', hello: { gateway, softwareVersion, startedAtMs } };
    this.#sent = this.#options.history.find(hello.epoch, hello.version);
    this.#hadEpoch = hello.epoch;
    this.#takesPatches = hello.takesPatches;
    this.#options.listener.joined(this, { gateway, softwareVersion, startedAtMs });
    this.#push();
  }

  #ack(version: number): void {
    this.#answered();
    this.#acked = { version, atMs: this.#options.clock.now() };
    this.#refused = undefined;
    this.#push();
  }

  #nack(hello: GatewayHello, refusal: GatewayRefusal): void {
    const answered = this.#answered();
    this.#refused = refusal;
    this.#options.listener.refused(this, hello, refusal);
    this.#sent = undefined;
    if (answered === 'snapshot') this.#pause();
    else this.#push();
  }

  /** Not by its version: what cannot be read at all is refused without one. */
  #answered(): 'snapshot' | 'delta' {
    const answered = this.#awaited;
    if (answered === 'nothing') throw new WireError('statement: there is nothing that it could answer');
    this.#awaited = 'nothing';
    return answered;
  }

  #pause(): void {
    this.#paused = true;
    this.#cancelTimer = this.#options.clock.after(REFUSED_PAUSE_MS, () => {
      this.#paused = false;
      this.#push();
    });
  }

  #push(): void {
    const next = this.#options.history.value;
    if (this.#phase.kind !== 'following' || this.#writing || this.#paused) return;
    if (this.#awaited !== 'nothing') return;
    if (next === undefined || next === this.#sent) return;
    if (this.#sent === undefined && this.#options.history.holds(this.#hadEpoch)) return;
    this.#writing = true;
    const message = this.#messageTo(next);
    this.#sent = next;
    this.#call.write(message, () => {
      this.#writing = false;
      this.#push();
    });
  }

  #messageTo(next: RoutingSnapshot): Buffer {
    const delta = this.#sent && diffSnapshots(this.#sent, next, this.#takesPatches);
    this.#awaited = delta === undefined ? 'snapshot' : 'delta';
    if (delta !== undefined) return this.#options.encoder.deltaMessage(delta);
    return this.#options.encoder.snapshotMessage(next);
  }
}
