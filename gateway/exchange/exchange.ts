import { type FailureCode, REQUEST_FAILURES } from '../../federation/model/errors.ts';
import type { Fault } from '../../federation/model/fault-injection.ts';
import { MARK } from '../../federation/model/marks.ts';
import {
  H2_ERROR,
  type HeaderBlock,
  type RequestReceiver,
  type StreamWriter,
  type UpstreamFailure,
} from '../http/stream.ts';
import { type Answer, answerByRule, answerFailure, grpcTrailers } from '../pipeline/answer.ts';
import { NO_LOCAL_ENDPOINT_REASON, stripInternalFields } from '../pipeline/fields.ts';
import { forward } from '../pipeline/forward.ts';
import { changeHeaders } from '../pipeline/header-changes.ts';
import { runStages, STAGES, type Stage } from '../pipeline/stages.ts';
import type { ActiveNode } from './active-list.ts';
import { Deadlines, type Expiry } from './deadlines.ts';
import type { AttemptFailure } from './decision.ts';
import { DispatchedExchange } from './dispatched-exchange.ts';
import type { ActiveExchange, ExchangeEnvironment, ExchangeTimeouts, RequestCopies } from './environment.ts';
import type { Downstream } from './exchange-record.ts';
import { parseGrpcTimeout } from './grpc-timeout.ts';

const BAD_GATEWAY_STATUS = 500;

/**
 * One request: joins the client's side with an upstream's, passes bodies on as they come, and sends the request
 * elsewhere as long as that is safe and nothing of a response was shown. It is the only object that a request costs.
 */
export class Exchange extends DispatchedExchange implements RequestReceiver, ActiveExchange {
  newer: ActiveNode | undefined = undefined;
  older: ActiveNode | undefined = undefined;
  readonly #downstream: StreamWriter;
  /** Monotonic ms; undefined while the client still sends its body. */
  #requestEndedMs: number | undefined;
  /** What the timers saw of the body, and since when it is no more. */
  #seenBodyBytes = 0;
  #bodySinceMs: number;
  #responseEnded = false;
  #heldResponseBytes = 0;
  #tcpOpen = false;
  /** Of its request, while they are to be told of its body. */
  #copies: RequestCopies | undefined = undefined;

  constructor(
    environment: ExchangeEnvironment,
    downstream: Downstream,
    writer: StreamWriter,
    block: HeaderBlock,
    endStream: boolean,
  ) {
    super(environment, downstream, writer, block, endStream);
    this.#downstream = writer;
    this.#requestEndedMs = endStream ? this.startedMs : undefined;
    this.#bodySinceMs = this.startedMs;
  }

  /** Runs the stages and sends the request on its way. */
  begin(stages: readonly Stage[] = STAGES): void {
    this.environment.begun(this);
    const failure = runStages(this, this.environment, stages);
    if (failure === 'overloaded' && this.protocol === 'http2') {
      this.#refuse();
      return;
    }
    if (failure !== undefined) {
      this.fail(failure);
      return;
    }
    if (this.timeouts !== undefined || this.retryPlan !== undefined || this.grpcTimeout !== undefined) {
      this.#setDeadlines();
    }
    if (this.mirrors !== undefined) {
      this.#copies = this.environment.mirror(this, this.mirrors, this.body === undefined);
    }
    if (this.fault === undefined) this.#send();
    else this.#delay(this.fault);
  }

  #send(): void {
    const { ruleAnswer } = this;
    if (ruleAnswer === undefined) this.dispatch();
    else this.#answeredBy(answerByRule(this.#downstream, ruleAnswer, this.responseChanges));
  }

  #delay({ delayMs }: Fault): void {
    const { environment } = this;
    this.phase = 'delayed';
    this.marks |= MARK.delayInjected;
    this.deadlines ??= new Deadlines(environment.deadlineTimers, this);
    this.deadlines.delay(environment.clock.monotonic(), delayMs);
  }

  /** What was chosen when it came may be gone by now. */
  #afterDelay(): void {
    const failure =
      this.fault?.abort === undefined ? forward(this, this.environment) : ('faultInjected' as const);
    if (failure === undefined) this.#send();
    else this.fail(failure);
  }

  /** RFC 9113 section 8.7: the peer may send it elsewhere, as one of our own gateways does. */
  #refuse(): void {
    this.failure = 'overloaded';
    this.status = REQUEST_FAILURES.overloaded.httpStatus;
    this.#end();
    this.#downstream.reset(H2_ERROR.REFUSED_STREAM);
  }

  // From the client.

  requestData(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    this.requestBytes += end - start;
    if (this.phase === 'ended') return;
    this.deadlines?.moved();
    this.#copies?.data(chunk, start, end, endStream);
    if (this.body?.receive(chunk, start, end, endStream) === false) {
      this.environment.rejected('memory');
      this.fail('overloaded');
      return;
    }
    if (endStream) this.#requestEnded();
  }

  requestTrailers(block: HeaderBlock): void {
    if (this.phase === 'ended') return;
    stripInternalFields(block);
    this.#copies?.trailers(block);
    this.body?.receiveTrailers(block);
    this.#requestEnded();
  }

  requestReset(errorCode: number): void {
    if (this.phase !== 'ended') {
      this.abandonAttempt('unknown');
      this.failure = 'downstreamGone';
      this.#end();
    }
    this.#downstream.reset(errorCode);
  }

  responseDrained(bytes: number): void {
    this.#heldResponseBytes -= bytes;
    this.deadlines?.moved();
    this.upstream?.consumed(bytes);
    this.#finishWhenComplete();
  }

  /** Nothing moved in either direction of a tunnel for too long. */
  endIdle(): void {
    this.fail('idleTimeout');
  }

  // From the upstream.

  override responseInformational(block: HeaderBlock): void {
    stripInternalFields(block);
    this.#downstream.sendInformational(block);
  }

  override responseHeaders(block: HeaderBlock, endStream: boolean): void {
    const reason = stripInternalFields(block);
    // Nearly always so, and to read a number takes a call out of compiled code.
    const status = block[1] === '200' ? 200 : Number(block[1]);
    const failure = this.#failureOfAnswer(status, reason, block, endStream);
    if (failure !== undefined) {
      const decision = this.decide(failure);
      if (decision.kind !== 'fail' || failure.kind === 'no-local-endpoint') {
        this.upstream?.reset(H2_ERROR.CANCEL);
        this.carryOut(decision, failure);
        return;
      }
    }
    if (this.responseChanges !== undefined) for (const one of this.responseChanges) changeHeaders(block, one);
    if (this.newCookie !== undefined) block.push('set-cookie', this.newCookie);
    this.status = status;
    this.phase = 'responding';
    if (this.deadlines !== undefined) this.#lookAtDeadlines(this.deadlines);
    this.answered();
    if (this.protocol === 'tcp') this.#countTcp(1);
    this.#downstream.sendHeaders(block, endStream);
    if (endStream) this.#endResponse();
  }

  override responseData(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    const bytes = end - start;
    this.responseBytes += bytes;
    this.deadlines?.moved();
    const taken = this.#downstream.sendData(chunk, start, end, endStream);
    this.#heldResponseBytes += bytes - taken;
    if (endStream) this.#endResponse();
    else if (taken > 0) this.upstream?.consumed(taken);
  }

  override responseTrailers(block: HeaderBlock): void {
    stripInternalFields(block);
    this.#downstream.sendTrailers(block);
    this.#endResponse();
  }

  override responseFailed(failure: UpstreamFailure): void {
    this.upstream = undefined;
    this.#attemptFailed(failure);
  }

  // From the timers.

  override timeUp(expiry: Expiry): void {
    if (expiry === 'request') this.#timeOut('upstreamTimeout');
    else if (expiry === 'idle') this.fail('idleTimeout');
    else if (expiry === 'delay') this.#afterDelay();
    else if (this.phase === 'responding') this.#timeOut('upstreamTimeout');
    else if (!this.#settled) this.attemptTimedOut();
  }

  expire(nowMs: number, timeouts: ExchangeTimeouts): void {
    // A gRPC call without a deadline may take as long as it likes, and so may what has begun to be answered.
    if (this.grpc || this.phase === 'responding' || this.phase === 'answered') return;
    if (this.#requestEndedMs === undefined) this.#lookAtBody(nowMs, timeouts.bodyMs);
    else if (this.timeouts?.requestMs === undefined && nowMs - this.#requestEndedMs >= timeouts.responseMs) {
      this.#timeOut('upstreamTimeout');
    }
  }

  /** A client may take long to send its request, as long as it sends. */
  #lookAtBody(nowMs: number, timeoutMs: number): void {
    if (this.requestBytes !== this.#seenBodyBytes) {
      this.#seenBodyBytes = this.requestBytes;
      this.#bodySinceMs = nowMs;
    }
    if (nowMs - this.#bodySinceMs < timeoutMs) return;
    this.environment.rejected('body-timeout');
    this.#timeOut('requestTimeout');
  }

  #requestEnded(): void {
    this.#requestEndedMs = this.environment.clock.monotonic();
    this.#finishWhenComplete();
  }

  /** By the policy of the service and, for gRPC, by the client's own word: the nearest holds. */
  #setDeadlines(): void {
    const patienceMs =
      this.grpc && this.grpcTimeout !== undefined ? parseGrpcTimeout(this.grpcTimeout) : undefined;
    // Opaque connections have their own watch.
    const timeouts = this.method === 'CONNECT' ? undefined : this.timeouts;
    const { requestMs = 0, backendRequestMs = 0, idleMs = 0 } = timeouts ?? {};
    const perTryMs = this.retryPlan?.perTryTimeoutMs ?? backendRequestMs;
    if (patienceMs === undefined && requestMs + idleMs + perTryMs === 0) return;
    const { startedMs } = this;
    const deadlines = new Deadlines(this.environment.deadlineTimers, this);
    this.deadlines = deadlines;
    if (patienceMs !== undefined) deadlines.boundRequest(startedMs, startedMs + patienceMs);
    if (requestMs > 0) deadlines.boundRequest(startedMs, startedMs + requestMs);
    if (idleMs > 0) deadlines.watchIdle(startedMs, idleMs);
  }

  #lookAtDeadlines(deadlines: Deadlines): void {
    if (this.#isTunnel()) deadlines.tunnelOpened();
    deadlines.moved();
  }

  #timeOut(code: 'upstreamTimeout' | 'requestTimeout'): void {
    if (this.#settled) return;
    this.abandonAttempt(code === 'upstreamTimeout' ? 'failure' : 'unknown');
    this.fail(code);
  }

  #failureOfAnswer(
    status: number,
    reason: string | undefined,
    block: HeaderBlock,
    endStream: boolean,
  ): AttemptFailure | undefined {
    if (reason === NO_LOCAL_ENDPOINT_REASON && this.inUse?.kind === 'trunk') return { kind: reason };
    const { retryPlan } = this;
    if (retryPlan === undefined) return undefined;
    if (retryPlan.statuses.has(status)) return { kind: 'status', status };
    // A gRPC call that failed before it answered anything has its status in its one header block.
    if (!endStream || !this.grpc || retryPlan.grpcStatuses.size === 0) return undefined;
    const at = block.indexOf('grpc-status');
    return at > 0 && retryPlan.grpcStatuses.has(block[at + 1] ?? '') ? { kind: 'status', status } : undefined;
  }

  #attemptFailed(failure: AttemptFailure): void {
    if (this.#settled) return;
    if (this.phase === 'responding') {
      this.release('failure');
      this.#breakOff(failure);
      return;
    }
    this.carryOut(this.decide(failure), failure);
  }

  /** A request that cannot succeed any more: the client is told in the way that is still possible. */
  protected override fail(code: FailureCode): void {
    if (this.#settled) return;
    this.abandonAttempt('unknown');
    this.failure = code;
    if (this.phase === 'responding') {
      this.#endBroken(code);
      return;
    }
    const answered = {
      method: this.method,
      grpc: this.grpc,
      onTrunk: this.context.origin === 'trunk',
      retryAfterMs: this.retryAfterMs,
      abort: code === 'faultInjected' ? this.fault?.abort : undefined,
    };
    this.#answeredBy(answerFailure(this.#downstream, code, answered));
  }

  /** The gateway's own answer was given. */
  #answeredBy({ status, bodyBytes, heldBytes }: Answer): void {
    this.body?.release();
    this.status = status;
    this.responseBytes = bodyBytes;
    this.#heldResponseBytes = heldBytes;
    this.#responseEnded = true;
    this.phase = 'answered';
    this.#finishWhenComplete();
  }

  #breakOff(failure: AttemptFailure): void {
    this.failure = failure.kind === 'protocol' ? 'upstreamProtocol' : 'upstreamReset';
    const errorCode = failure.kind === 'reset' ? failure.errorCode : H2_ERROR.INTERNAL_ERROR;
    this.#endBroken(this.failure, errorCode);
  }

  /** The response had begun: gRPC can still say why in trailers, everyone else sees the stream break. */
  #endBroken(code: FailureCode, errorCode: number = H2_ERROR.INTERNAL_ERROR): void {
    if (!this.grpc) {
      this.#end();
      this.#downstream.reset(errorCode);
      return;
    }
    this.#downstream.sendTrailers(grpcTrailers(code));
    this.#responseEnded = true;
    this.phase = 'answered';
    this.#finishWhenComplete();
  }

  /** All of a response is given, so that nothing else can be said; bytes of it may wait for a slow reader. */
  get #settled(): boolean {
    if (this.phase === 'ended' || this.phase === 'answered') return true;
    return this.#responseEnded && !this.#isTunnel();
  }

  #endResponse(): void {
    this.#responseEnded = true;
    this.release(this.status >= BAD_GATEWAY_STATUS ? 'failure' : 'success');
    this.#finishWhenComplete();
  }

  #finishWhenComplete(): void {
    if (!this.#responseEnded || this.#heldResponseBytes > 0 || this.phase === 'ended') return;
    const requestEnded = this.body === undefined || this.body.ended;
    // A tunnel's two directions end one by one; of any other request nobody wants the rest after its response.
    if (!requestEnded && this.#isTunnel()) return;
    if (!requestEnded) this.upstream?.reset(H2_ERROR.NO_ERROR);
    this.#end();
    if (!requestEnded) this.#downstream.reset(H2_ERROR.NO_ERROR);
  }

  #isTunnel(): boolean {
    if (this.phase !== 'responding') return false;
    return this.method === 'CONNECT' ? this.status < 300 : this.upgrade !== undefined && this.status === 101;
  }

  #end(): void {
    const environment = this.environment;
    this.phase = 'ended';
    this.upstream = undefined;
    this.body?.release();
    this.deadlines?.close();
    this.#copies?.abandon();
    if (this.#tcpOpen) this.#countTcp(-1);
    this.durationMs = environment.clock.monotonic() - this.startedMs;
    environment.ended(this);
    environment.recorder.finished(this);
    this.onEnd?.();
  }

  #countTcp(change: 1 | -1): void {
    const pair = this.meters?.pair(this.sourceCluster, this.destinationCluster);
    if (pair !== undefined) pair.tcpOpen += change;
    this.#tcpOpen = change > 0;
  }
}
