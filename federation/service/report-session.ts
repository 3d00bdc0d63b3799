import { type ServiceError, status } from '@grpc/grpc-js';
import type { Clock } from '../runtime/clock.ts';
import { WireError } from '../wire/field-checks.ts';
import {
  type GatewayStatement,
  gatewayStatementFromWire,
  reportResponseToWire,
} from '../wire/gateway-message.ts';
import type { GatewayMessage, ReportResponse } from '../wire/gen/federation_pb.ts';
import {
  type GatewayHello,
  type GatewayStatus,
  HELLO_TIMEOUT_MS,
  type Session,
  type SessionListener,
} from './gateway-session.ts';

/** What a session needs of gRPC's ServerReadableStream. */
export interface ReportCall {
  getPeer(): string;
  on(event: 'data', listener: (message: GatewayMessage) => void): unknown;
  on(event: 'end' | 'close' | 'cancelled' | 'error', listener: () => void): unknown;
}

export type ReportAnswer = (
  refusal: Pick<ServiceError, 'code' | 'details'> | null,
  response?: ReportResponse,
) => void;

export interface ReportSessionOptions {
  readonly clock: Clock;
  readonly listener: SessionListener;
}

/** One gateway's Report stream: it follows another replica, and tells this one too what it finds. */
export class ReportSession implements Session {
  readonly kind = 'report';
  readonly #call: ReportCall;
  readonly #answer: ReportAnswer;
  readonly #options: ReportSessionOptions;
  readonly #connectedAtMs: number;
  readonly #cancelTimer: () => void;
  #hello: GatewayHello | undefined;
  #ended = false;

  constructor(call: ReportCall, answer: ReportAnswer, options: ReportSessionOptions) {
    this.#call = call;
    this.#answer = answer;
    this.#options = options;
    this.#connectedAtMs = options.clock.now();
    this.#cancelTimer = options.clock.after(HELLO_TIMEOUT_MS, () => this.#refuse('no Hello came in time'));
    call.on('data', (message) => this.#receive(message));
    call.on('end', () => this.end());
    call.on('close', () => this.#onEnd());
    call.on('cancelled', () => this.#onEnd());
    call.on('error', () => this.#onEnd());
  }

  get status(): GatewayStatus | undefined {
    if (this.#hello === undefined) return undefined;
    return {
      ...this.#hello,
      follows: 'another-replica',
      remoteAddress: this.#call.getPeer(),
      connectedAtMs: this.#connectedAtMs,
      sentVersion: undefined,
      ackedVersion: undefined,
      ackedAtMs: undefined,
      refused: undefined,
    };
  }

  end(): void {
    if (this.#onEnd()) this.#answer(null, reportResponseToWire());
  }

  #refuse(details: string): void {
    if (this.#onEnd()) this.#answer({ code: status.INVALID_ARGUMENT, details });
  }

  /** @returns whether it had not ended before */
  #onEnd(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#cancelTimer();
    this.#options.listener.ended(this);
    return true;
  }

  #receive(message: GatewayMessage): void {
    if (this.#ended) return;
    try {
      this.#take(gatewayStatementFromWire(message));
    } catch (failure) {
      if (!(failure instanceof WireError)) throw failure;
      this.#refuse(failure.message);
    }
  }

  #take(statement: GatewayStatement): void {
    const { listener } = this.#options;
    const hello = this.#hello;
    if (statement.kind === 'hello') {
      if (hello !== undefined) throw new WireError('hello: is there twice');
      const { gateway, softwareVersion, startedAtMs } = statement;
      this.#cancelTimer();
      this.#hello = { gateway, softwareVersion, startedAtMs };
      listener.joined(this, this.#hello);
      return;
    }
    if (hello === undefined) throw new WireError('hello: must be the first message');
    if (statement.kind !== 'health')
      throw new WireError(`${statement.kind}: nothing was sent on this stream`);
    listener.reported(this, hello, statement.report);
  }
}
