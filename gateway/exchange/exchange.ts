import type { FailureCode } from '../../federation/model/errors.ts';
import {
  type ClientConnection,
  H2_ERROR,
  type HeaderBlock,
  type RequestReceiver,
  type ResponseReceiver,
  type StreamWriter,
  type UpstreamFailure,
} from '../http/stream.ts';
import type { Timed } from '../http/timer-wheel.ts';
import { answerFailure, grpcTrailers } from '../pipeline/answer.ts';
import { NO_LOCAL_ENDPOINT_REASON, stripInternalFields } from '../pipeline/fields.ts';
import { addHopFields } from '../pipeline/forward.ts';
import { runStages } from '../pipeline/stages.ts';
import { addWebSocketAccept } from '../pipeline/websocket.ts';
import { finished, type LocalDestination, started, type TrunkDestination } from '../routing/destination.ts';
import type { Outcome } from '../routing/endpoint-runtime.ts';
import type { AcquireFailure, ConnectionSource, ConnectionWaiter } from '../upstream/connection-source.ts';
import type { ActiveNode } from './active-list.ts';
import { type AttemptFailure, type Decision, isIdempotent, wasNotProcessed } from './decision.ts';
import type { ActiveExchange, ExchangeEnvironment } from './environment.ts';
import { type Downstream, ExchangeRecord } from './exchange-record.ts';
import { parseGrpcTimeout } from './grpc-timeout.ts';
import { Recovery } from './recovery.ts';
import { RequestBody } from './request-body.ts';

type Phase =
  /** In the stages, or between two attempts. */
  | 'deciding'
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

const BAD_GATEWAY_STATUS = 500;

/**
 * One request: joins the client's side with an upstream's, passes bodies on as they come, and sends the request
 * elsewhere as long as that is safe and nothing of a response was shown. It is the only object that a request costs.
 */
export class Exchange
  extends ExchangeRecord
  implements RequestReceiver, ResponseReceiver, ConnectionWaiter, ActiveExchange, Timed
{
  newer: ActiveNode | undefined = undefined;
  older: ActiveNode | undefined = undefined;
  readonly #environment: ExchangeEnvironment;
  readonly #downstream: StreamWriter;
  #phase: Phase = 'deciding';
  #upstream: StreamWriter | undefined = undefined;
  #source: ConnectionSource | undefined = undefined;
  /** Counted as started in routing until it is finished there. */
  #inUse: LocalDestination | TrunkDestination | undefined = undefined;
  /** undefined: the request is its headers alone. */
  #body: RequestBody | undefined;
  /** undefined: no attempt has failed. */
  #recovery: Recovery | undefined = undefined;
  #attemptStartedMs: number;
  /** From the attempt's start to the headers of its response. */
  #latencyMs: number | undefined = undefined;
  /** Monotonic ms; Infinity without a `grpc-timeout`. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  #responseEnded = false;
  #heldResponseBytes = 0;
  #tcpOpen = false;

  constructor(
    environment: ExchangeEnvironment,
    downstream: Downstream,
    writer: StreamWriter,
    block: HeaderBlock,
    endStream: boolean,
  ) {
    const startedMs = environment.clock.monotonic();
    super(downstream, block, startedMs, environment);
    this.#environment = environment;
    this.#downstream = writer;
    this.#attemptStartedMs = startedMs;
    this.#body = endStream ? undefined : new RequestBody(writer, environment.heldBytes);
  }

  /** Runs the stages and sends the request on its way. */
  begin(): void {
    this.#environment.begun(this);
    const failure = runStages(this, this.#environment);
    if (failure !== undefined) {
      this.#fail(failure);
      return;
    }
    if (this.grpcTimeout !== undefined) this.#setDeadline(this.grpcTimeout);
    this.#dispatch();
  }

  // From the client.

  requestData(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    this.requestBytes += end - start;
    if (this.#phase === 'ended') return;
    if (this.#body?.receive(chunk, start, end, endStream) === false) {
      this.#environment.rejected('memory');
      this.#fail('overloaded');
      return;
    }
    if (endStream) this.#finishWhenComplete();
  }

  requestTrailers(block: HeaderBlock): void {
    if (this.#phase === 'ended') return;
    stripInternalFields(block);
    this.#body?.receiveTrailers(block);
    this.#finishWhenComplete();
  }

  requestReset(errorCode: number): void {
    if (this.#phase === 'ended') return;
    this.#abandonAttempt('unknown');
    this.failure = 'downstreamGone';
    this.#end();
    this.#downstream.reset(errorCode);
  }

  responseDrained(bytes: number): void {
    this.#heldResponseBytes -= bytes;
    this.#upstream?.consumed(bytes);
    this.#finishWhenComplete();
  }

  // From the connection source.

  connectionReady(connection: ClientConnection): void {
    this.#source = undefined;
    this.#phase = 'sent';
    const { block } = this;
    const fields = block.length;
    addHopFields(this, this.#environment.local.trustDomain);
    const body = this.#body;
    const upstream = connection.open(this, block, body === undefined || body.empty);
    block.length = fields;
    this.#upstream = upstream;
    if (body !== undefined && !body.empty) body.attach(upstream);
  }

  connectionFailed(failure: AcquireFailure): void {
    this.#source = undefined;
    this.#attemptFailed(failure);
  }

  // From the upstream.

  responseInformational(block: HeaderBlock): void {
    stripInternalFields(block);
    this.#downstream.sendInformational(block);
  }

  responseHeaders(block: HeaderBlock, endStream: boolean): void {
    const reason = stripInternalFields(block);
    const status = Number(block[1]);
    const failure = this.#failureOfAnswer(status, reason);
    if (failure !== undefined) {
      const decision = this.#decide(failure);
      if (decision.kind !== 'fail' || failure.kind === 'no-local-endpoint') {
        this.#upstream?.reset(H2_ERROR.CANCEL);
        this.#carryOut(decision, failure);
        return;
      }
    }
    this.status = status;
    this.#phase = 'responding';
    this.#latencyMs = this.#environment.clock.monotonic() - this.#attemptStartedMs;
    this.#body?.release();
    if (this.protocol === 'tcp') this.#countTcp(1);
    if (this.upgrade !== undefined) addWebSocketAccept(block, this.block, this.upgrade);
    this.#downstream.sendHeaders(block, endStream);
    if (endStream) this.#endResponse();
  }

  responseData(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    const bytes = end - start;
    this.responseBytes += bytes;
    const taken = this.#downstream.sendData(chunk, start, end, endStream);
    this.#heldResponseBytes += bytes - taken;
    if (endStream) this.#endResponse();
    else if (taken > 0) this.#upstream?.consumed(taken);
  }

  responseTrailers(block: HeaderBlock): void {
    stripInternalFields(block);
    this.#downstream.sendTrailers(block);
    this.#endResponse();
  }

  responseFailed(failure: UpstreamFailure): void {
    this.#upstream = undefined;
    this.#attemptFailed(failure);
  }

  requestDrained(bytes: number): void {
    this.#body?.drained(bytes);
  }

  // From the timers.

  onTick(nowMs: number): number {
    if (nowMs < this.#deadlineMs) return this.#deadlineMs;
    this.#timeOut();
    return 0;
  }

  expire(nowMs: number, timeoutMs: number): void {
    // A client that still sends its request, and a gRPC call without a deadline, may take as long as they like.
    if (this.grpc || (this.#body !== undefined && !this.#body.ended)) return;
    if (this.#phase === 'responding' || this.#phase === 'answered') return;
    if (nowMs - this.startedMs >= timeoutMs) this.#timeOut();
  }

  #setDeadline(text: string): void {
    const timeoutMs = parseGrpcTimeout(text);
    if (timeoutMs === undefined) return;
    this.#deadlineMs = this.startedMs + timeoutMs;
    this.#environment.timers.schedule(this, timeoutMs);
  }

  #timeOut(): void {
    this.#abandonAttempt('failure');
    this.#fail('upstreamTimeout');
  }

  #dispatch(): void {
    const { destination } = this;
    if (destination === undefined || destination.kind === 'none') {
      this.#fail('internal');
      return;
    }
    started(destination);
    this.#inUse = destination;
    const source = this.#environment.sourceOf(this, destination);
    this.#source = source;
    this.#phase = 'waiting';
    const connection = source.acquire(this, !isIdempotent(this.method));
    if (connection !== undefined) this.connectionReady(connection);
  }

  #failureOfAnswer(status: number, reason: string | undefined): AttemptFailure | undefined {
    if (reason === NO_LOCAL_ENDPOINT_REASON && this.#inUse?.kind === 'trunk') return { kind: reason };
    const { maxRetries, statuses } = this.#environment.retryPolicy;
    if (maxRetries > 0 && statuses.includes(status)) return { kind: 'status', status };
    return undefined;
  }

  #attemptFailed(failure: AttemptFailure): void {
    if (this.#phase === 'ended') return;
    if (this.#phase === 'responding') {
      this.#release('failure');
      this.#breakOff(failure);
      return;
    }
    this.#carryOut(this.#decide(failure), failure);
  }

  #decide(failure: AttemptFailure): Decision {
    this.#recovery ??= new Recovery(this, this.#environment);
    return this.#recovery.decide(failure, this.#body?.replayable ?? true, this.#deadlineMs);
  }

  #carryOut(decision: Decision, failure: AttemptFailure): void {
    const left = this.#inUse;
    this.#upstream = undefined;
    this.#body?.detach();
    this.#phase = 'deciding';
    this.#release(failure.kind === 'refused' || failure.kind === 'overflow' ? 'unknown' : 'failure');
    if (decision.kind === 'fail') {
      // The source gateway has other clusters to ask.
      const elsewhere = this.context.origin === 'trunk' && wasNotProcessed(failure);
      this.#fail(elsewhere ? 'noLocalEndpoint' : decision.code);
      return;
    }
    this.#recovery?.begin(left, failure, decision.kind);
    if (decision.kind === 'redispatch') {
      this.#again();
      return;
    }
    this.#phase = 'backing-off';
    this.#recovery?.backOff(decision.delayMs, () => this.#again());
  }

  #again(): void {
    const failure = this.#recovery?.choose();
    if (failure !== undefined) {
      this.#fail(failure);
      return;
    }
    this.#attemptStartedMs = this.#environment.clock.monotonic();
    this.#dispatch();
  }

  /** Gives up what is under way upstream, whatever it is. */
  #abandonAttempt(outcome: Outcome): void {
    this.#source?.withdraw(this);
    this.#source = undefined;
    this.#recovery?.cancelBackoff();
    this.#upstream?.reset(H2_ERROR.CANCEL);
    this.#upstream = undefined;
    this.#body?.detach();
    this.#release(outcome);
  }

  #release(outcome: Outcome): void {
    const destination = this.#inUse;
    if (destination === undefined) return;
    this.#inUse = undefined;
    const nowMs = this.#environment.now();
    const latencyMs = this.#latencyMs ?? this.#environment.clock.monotonic() - this.#attemptStartedMs;
    finished(destination, nowMs, outcome, latencyMs);
  }

  /** A request that cannot succeed any more: the client is told in the way that is still possible. */
  #fail(code: FailureCode): void {
    if (this.#phase === 'ended') return;
    this.#abandonAttempt('unknown');
    this.failure = code;
    if (this.#phase === 'responding') {
      this.#endBroken(code);
      return;
    }
    const answer = answerFailure(this.#downstream, code, {
      method: this.method,
      grpc: this.grpc,
      onTrunk: this.context.origin === 'trunk',
    });
    this.status = answer.status;
    this.responseBytes = answer.bodyBytes;
    this.#heldResponseBytes = answer.heldBytes;
    this.#responseEnded = true;
    this.#phase = 'answered';
    this.#finishWhenComplete();
  }

  #breakOff(failure: AttemptFailure): void {
    this.failure = failure.kind === 'protocol' ? 'upstreamProtocol' : 'upstreamReset';
    const errorCode = failure.kind === 'reset' ? failure.errorCode : H2_ERROR.INTERNAL_ERROR;
    this.#endBroken(this.failure, errorCode);
  }

  /** The response had begun: gRPC can still say why in trailers, everyone else sees the stream break. */
  #endBroken(code: FailureCode, errorCode: number = H2_ERROR.INTERNAL_ERROR): void {
    if (this.grpc) this.#downstream.sendTrailers(grpcTrailers(code));
    this.#end();
    if (!this.grpc) this.#downstream.reset(errorCode);
  }

  #endResponse(): void {
    this.#responseEnded = true;
    this.#release(this.status >= BAD_GATEWAY_STATUS ? 'failure' : 'success');
    this.#finishWhenComplete();
  }

  #finishWhenComplete(): void {
    if (!this.#responseEnded || this.#heldResponseBytes > 0 || this.#phase === 'ended') return;
    const requestEnded = this.#body === undefined || this.#body.ended;
    // A tunnel's two directions end one by one; of any other request nobody wants the rest after its response.
    if (!requestEnded && this.#isTunnel()) return;
    if (!requestEnded) this.#upstream?.reset(H2_ERROR.NO_ERROR);
    this.#end();
    if (!requestEnded) this.#downstream.reset(H2_ERROR.NO_ERROR);
  }

  #isTunnel(): boolean {
    if (this.#phase !== 'responding') return false;
    return this.method === 'CONNECT' ? this.status < 300 : this.upgrade !== undefined && this.status === 101;
  }

  #end(): void {
    const environment = this.#environment;
    this.#phase = 'ended';
    this.#upstream = undefined;
    this.#body?.release();
    if (this.#deadlineMs !== Number.POSITIVE_INFINITY) environment.timers.remove(this);
    if (this.#tcpOpen) this.#countTcp(-1);
    this.durationMs = environment.clock.monotonic() - this.startedMs;
    environment.ended(this);
    environment.recorder.finished(this);
  }

  #countTcp(change: 1 | -1): void {
    const pair = this.meters?.pair(this.sourceCluster, this.destinationCluster);
    if (pair !== undefined) pair.tcpOpen += change;
    this.#tcpOpen = change > 0;
  }
}
