import type { FailureCode } from '../../federation/model/errors.ts';
import {
  type ClientConnection,
  H2_ERROR,
  type HeaderBlock,
  type ResponseReceiver,
  type StreamWriter,
  type UpstreamFailure,
} from '../http/stream.ts';
import { shortenBlock } from '../pipeline/fields.ts';
import { addHopFields } from '../pipeline/forward.ts';
import { finished, type LocalDestination, started, type TrunkDestination } from '../routing/destination.ts';
import type { Outcome } from '../routing/endpoint-runtime.ts';
import type { AcquireFailure, ConnectionSource, ConnectionWaiter } from '../upstream/connection-source.ts';
import type { DeadlineOwner, Deadlines, Expiry } from './deadlines.ts';
import {
  type AttemptFailure,
  type Decision,
  failureCode,
  isIdempotent,
  wasNotProcessed,
} from './decision.ts';
import type { ExchangeEnvironment } from './environment.ts';
import { type Downstream, ExchangeRecord } from './exchange-record.ts';
import { Recovery } from './recovery.ts';
import { RequestBody } from './request-body.ts';

/** Where a request is in its life. */
export type Phase =
  /** In the stages, or between two attempts. */
  | 'deciding'
  /** On purpose, before it is sent anywhere. */
  | 'delayed'
  /** For a connection. */
  | 'waiting'
  /** For the time of a retry. */
  | 'backing-off'
  /** The request is with an upstream that has not answered. */
  | 'sent'
  | 'responding'
  /** The gateway's own answer was given; bytes of it wait for a slow reader. */
  | 'answered'
  | 'ended';

/**
 * The half of an exchange that faces upstream: gets a connection, sends the request, and sends it elsewhere when an
 * attempt fails, as long as that is safe. A class of its own only so that each half can be read alone: together they
 * are one object.
 */
export abstract class DispatchedExchange
  extends ExchangeRecord
  implements ResponseReceiver, ConnectionWaiter, DeadlineOwner
{
  protected readonly environment: ExchangeEnvironment;
  protected phase: Phase = 'deciding';
  protected upstream: StreamWriter | undefined = undefined;
  /** undefined: the request is its headers alone. */
  protected readonly body: RequestBody | undefined;
  /** undefined: neither a policy nor a `grpc-timeout` bounds its time. */
  protected deadlines: Deadlines | undefined = undefined;
  /** Counted as started in routing until it is finished there. */
  protected inUse: LocalDestination | TrunkDestination | undefined = undefined;
  #source: ConnectionSource | undefined = undefined;
  /** undefined: no attempt has failed. */
  #recovery: Recovery | undefined = undefined;
  #attemptStartedMs: number;
  /** From the attempt's start to the headers of its response. */
  #latencyMs: number | undefined = undefined;

  constructor(
    environment: ExchangeEnvironment,
    downstream: Downstream,
    writer: StreamWriter,
    block: HeaderBlock,
    endStream: boolean,
  ) {
    const startedMs = environment.clock.monotonic();
    super(downstream, block, startedMs, environment);
    this.environment = environment;
    this.#attemptStartedMs = startedMs;
    this.body = endStream ? undefined : new RequestBody(writer, environment.heldBytes);
  }

  abstract responseInformational(block: HeaderBlock): void;
  abstract responseHeaders(block: HeaderBlock, endStream: boolean): void;
  abstract responseData(chunk: Buffer, start: number, end: number, endStream: boolean): void;
  abstract responseTrailers(block: HeaderBlock): void;
  abstract responseFailed(failure: UpstreamFailure): void;
  abstract timeUp(expiry: Expiry): void;
  /** Tells the client in the way that is still possible. */
  protected abstract fail(code: FailureCode): void;

  requestDrained(bytes: number): void {
    this.body?.drained(bytes);
  }

  connectionReady(connection: ClientConnection): void {
    this.#source = undefined;
    this.phase = 'sent';
    const { block } = this;
    const fields = block.length;
    addHopFields(this, this.environment.local.trustDomain);
    const body = this.body;
    const upstream = connection.open(this, block, body === undefined || body.empty);
    shortenBlock(block, fields);
    this.upstream = upstream;
    if (body !== undefined && !body.empty) body.attach(upstream);
  }

  connectionFailed(failure: AcquireFailure): void {
    this.#source = undefined;
    if (this.phase === 'waiting') this.carryOut(this.decide(failure), failure);
  }

  protected dispatch(): void {
    const { destination } = this;
    if (destination === undefined || destination.kind === 'none') {
      this.fail('internal');
      return;
    }
    started(destination);
    this.inUse = destination;
    const source = this.environment.sourceOf(this, destination);
    this.#source = source;
    this.phase = 'waiting';
    if (this.deadlines !== undefined) this.#boundAttempt(this.deadlines);
    const connection = source.acquire(this, !isIdempotent(this.method));
    if (connection !== undefined) this.connectionReady(connection);
  }

  protected decide(failure: AttemptFailure): Decision {
    this.#recovery ??= new Recovery(this, this.environment);
    return this.#recovery.decide(failure, this.#replayable, this.#endsAtMs);
  }

  protected carryOut(decision: Decision, failure: AttemptFailure): void {
    const left = this.inUse;
    this.deadlines?.endAttempt();
    if (failure.kind === 'connect') this.upstreamTransportFailureReason = failure.reason;
    this.upstream = undefined;
    this.body?.detach();
    this.phase = 'deciding';
    this.release(failure.kind === 'refused' || failure.kind === 'overflow' ? 'unknown' : 'failure');
    if (decision.kind === 'fail') {
      // The source gateway has other clusters to ask.
      const elsewhere = this.context.origin === 'trunk' && wasNotProcessed(failure);
      this.fail(elsewhere ? 'noLocalEndpoint' : decision.code);
      return;
    }
    this.#recovery?.begin(left, failure, decision.kind);
    if (decision.kind === 'redispatch') this.#again(failure);
    else this.#backOff(decision.delayMs, failure);
  }

  #backOff(delayMs: number, failure: AttemptFailure): void {
    this.phase = 'backing-off';
    this.#recovery?.backOff(delayMs, () => this.#again(failure));
  }

  #again(last: AttemptFailure): void {
    const recovery = this.#recovery;
    const code = recovery?.choose();
    if (code !== undefined) {
      const decision = recovery?.decideWithoutElsewhere(last, this.#replayable, this.#endsAtMs);
      if (decision?.kind === 'retry') {
        recovery?.begin(undefined, last, 'retry');
        this.#backOff(decision.delayMs, last);
        return;
      }
      // There was an endpoint: why it did not take the request says more than that there is no other.
      const known = code === 'noHealthyUpstream' && (last.kind === 'connect' || last.kind === 'overflow');
      this.fail(known ? failureCode(last) : code);
      return;
    }
    this.#attemptStartedMs = this.environment.clock.monotonic();
    this.dispatch();
  }

  get #replayable(): boolean {
    return this.body?.replayable ?? true;
  }

  /** Monotonic ms. */
  get #endsAtMs(): number {
    return this.deadlines?.requestAtMs ?? Number.POSITIVE_INFINITY;
  }

  #boundAttempt(deadlines: Deadlines): void {
    const timeoutMs = this.retryPlan?.perTryTimeoutMs ?? this.timeouts?.backendRequestMs ?? 0;
    if (timeoutMs > 0) deadlines.beginAttempt(this.environment.clock.monotonic(), timeoutMs);
  }

  /** The attempt under way took longer than one may, and nothing of a response came. */
  protected attemptTimedOut(): void {
    const waited = this.phase === 'waiting';
    this.#source?.withdraw(this);
    this.#source = undefined;
    this.upstream?.reset(H2_ERROR.CANCEL);
    this.upstream = undefined;
    const failure: AttemptFailure = waited
      ? { kind: 'connect', reason: 'no connection within the time of an attempt' }
      : { kind: 'timeout' };
    this.carryOut(this.decide(failure), failure);
  }

  /** Gives up what is under way upstream, whatever it is. */
  protected abandonAttempt(outcome: Outcome): void {
    this.#source?.withdraw(this);
    this.#source = undefined;
    this.#recovery?.settled(outcome === 'failure' ? 'failure' : 'abandoned');
    this.deadlines?.endAttempt();
    this.upstream?.reset(H2_ERROR.CANCEL);
    this.upstream = undefined;
    this.body?.detach();
    this.release(outcome);
  }

  protected release(outcome: Outcome): void {
    const destination = this.inUse;
    if (destination === undefined) return;
    this.inUse = undefined;
    if (destination.kind === 'trunk') {
      // Nobody asks how quick a cluster is: its own gateway balances there.
      finished(destination, 0, outcome, 0);
      return;
    }
    const latencyMs = this.#latencyMs ?? this.environment.clock.monotonic() - this.#attemptStartedMs;
    finished(destination, this.environment.now(), outcome, latencyMs);
  }

  /** The attempt under way has been answered. */
  protected answered(): void {
    this.#recovery?.settled('success');
    this.body?.release();
    if (this.inUse?.kind !== 'local') return;
    this.#latencyMs = this.environment.clock.monotonic() - this.#attemptStartedMs;
  }
}
