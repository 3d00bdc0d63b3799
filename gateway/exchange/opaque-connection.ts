import type { Socket } from 'node:net';
import type { CodecResources } from '../http/resources.ts';
import { H2_ERROR, type HeaderBlock, type ServerConnection } from '../http/stream.ts';
import type { ConnectionContext } from '../listener/connection-context.ts';
import { CallerIdentities } from '../pipeline/caller-identities.ts';
import { RawStream } from '../upstream/raw-stream.ts';
import type { ExchangeEnvironment } from './environment.ts';
import { Exchange } from './exchange.ts';
import type { Downstream } from './exchange-record.ts';

/**
 * An accepted connection on the port of an opaque (TCP) service: one exchange, with the CONNECT request that the
 * client did not have to make.
 */
export class OpaqueConnection implements ServerConnection {
  readonly #stream: RawStream;

  constructor(
    environment: ExchangeEnvironment,
    resources: CodecResources,
    socket: Socket,
    context: ConnectionContext,
  ) {
    const downstream: Downstream = { context, identities: new CallerIdentities(), protocol: 'tcp' };
    // RFC 9113 section 8.5 wants a host and a port; the route says what is meant.
    const authority = `clusterset.local:${context.listenPort ?? 0}`;
    const block: HeaderBlock = [':method', 'CONNECT', ':authority', authority];
    this.#stream = new RawStream(socket, resources, {
      data: (chunk, start, end, endStream) => exchange.requestData(chunk, start, end, endStream),
      drained: (bytes) => exchange.responseDrained(bytes),
      broken: () => exchange.requestReset(H2_ERROR.CANCEL),
    });
    const exchange = new Exchange(environment, downstream, this.#stream, block, false);
    exchange.begin();
  }

  get openStreams(): number {
    return this.#stream.over ? 0 : 1;
  }

  drain(): void {
    // It is one exchange, and ends with it.
  }

  destroy(): void {
    this.#stream.destroy();
  }
}
