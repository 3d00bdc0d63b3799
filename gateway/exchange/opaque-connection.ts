import type { Socket } from 'node:net';
import type { CodecResources } from '../http/resources.ts';
import { H2_ERROR, type HeaderBlock, type ServerConnection } from '../http/stream.ts';
import type { Timed } from '../http/timer-wheel.ts';
import type { ConnectionContext } from '../listener/connection-context.ts';
import { UNRECOGNIZED_NAME } from '../listener/tls-alert.ts';
import { CallerIdentities } from '../pipeline/caller-identities.ts';
import { type RawReceiver, RawStream } from '../upstream/raw-stream.ts';
import type { ExchangeEnvironment } from './environment.ts';
import { Exchange } from './exchange.ts';
import type { Downstream } from './exchange-record.ts';

/**
 * An accepted connection on the port of an opaque (TCP) service: one exchange, with the CONNECT request that the
 * client did not have to make. It alone watches for idleness, at the client's gateway: its end ends the whole way.
 */
export class OpaqueConnection implements ServerConnection, Timed {
  readonly #environment: ExchangeEnvironment;
  /** Infinity: the service's policy says that it may be idle for ever. */
  #idleTimeoutMs: number;
  readonly #stream: RawStream;
  readonly #exchange: Exchange;

  constructor(
    environment: ExchangeEnvironment,
    resources: CodecResources,
    socket: Socket,
    context: ConnectionContext,
    idleTimeoutMs: number,
  ) {
    this.#environment = environment;
    this.#idleTimeoutMs = idleTimeoutMs;
    const downstream: Downstream = { context, identities: new CallerIdentities(), protocol: 'tcp' };
    // RFC 9113 section 8.5 wants a host and a port; the route says what is meant.
    const authority = `${context.serverName ?? 'clusterset.local'}:${context.listenPort ?? 0}`;
    const block: HeaderBlock = [':method', 'CONNECT', ':authority', authority];
    const receiver: RawReceiver = {
      data: (chunk, start, end, endStream) => exchange.requestData(chunk, start, end, endStream),
      drained: (bytes) => exchange.responseDrained(bytes),
      broken: () => exchange.requestReset(H2_ERROR.CANCEL),
      rejected: (reason) => environment.rejected(reason),
    };
    const noRouteAnswer = context.origin === 'tls-passthrough' ? UNRECOGNIZED_NAME : undefined;
    this.#stream = new RawStream(socket, resources, receiver, noRouteAnswer);
    const exchange = new Exchange(environment, downstream, this.#stream, block, false);
    this.#exchange = exchange;
    socket.once('close', () => environment.timers.remove(this));
  }

  get openStreams(): number {
    return this.#stream.over ? 0 : 1;
  }

  begin(): void {
    this.#exchange.begin();
    const ofPolicy = this.#exchange.timeouts?.idleMs;
    if (ofPolicy !== undefined) this.#idleTimeoutMs = ofPolicy === 0 ? Number.POSITIVE_INFINITY : ofPolicy;
    // Also one that begin has ended: bytes of its answer may wait for a reader.
    if (Number.isFinite(this.#idleTimeoutMs)) this.#environment.timers.schedule(this, this.#idleTimeoutMs);
  }

  drain(): void {
    // It is one exchange, and ends with it.
  }

  destroy(): void {
    this.#stream.destroy();
  }

  /** Looks at the bytes that moved since; one that is over has nothing to end but bytes that nobody reads. */
  onTick(nowMs: number): number {
    const idleAtMs = this.#stream.movedAtMs + this.#idleTimeoutMs;
    if (nowMs < idleAtMs) return idleAtMs;
    this.#environment.rejected('tcp-idle-timeout');
    if (this.#stream.over) this.#stream.destroy();
    else this.#exchange.endIdle();
    return 0;
  }
}
