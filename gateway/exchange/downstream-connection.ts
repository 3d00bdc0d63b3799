import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { HeaderBlock, RequestReceiver, ServerConnectionHandler, StreamWriter } from '../http/stream.ts';
import type { ConnectionContext } from '../listener/connection-context.ts';
import { CallerIdentities } from '../pipeline/caller-identities.ts';
import type { ExchangeEnvironment } from './environment.ts';
import { Exchange } from './exchange.ts';
import type { Downstream } from './exchange-record.ts';

/** Makes an exchange of each request of one connection, a client's or a trunk's. */
export class DownstreamConnection implements ServerConnectionHandler, Downstream {
  readonly context: ConnectionContext;
  readonly protocol: 'http1' | 'http2';
  readonly identities = new CallerIdentities();
  readonly #environment: ExchangeEnvironment;

  constructor(environment: ExchangeEnvironment, context: ConnectionContext, protocol: 'http1' | 'http2') {
    this.#environment = environment;
    this.context = context;
    this.protocol = protocol;
  }

  request(stream: StreamWriter, block: HeaderBlock, endStream: boolean): RequestReceiver {
    const exchange = new Exchange(this.#environment, this, stream, block, endStream);
    exchange.begin();
    return exchange;
  }

  rejected(reason: RejectionReason): void {
    this.#environment.rejected(reason);
  }

  closed(): void {
    // Its exchanges have ended by then, and the listener watches the socket.
  }
}
