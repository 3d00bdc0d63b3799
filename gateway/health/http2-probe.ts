import { connect } from 'node:net';
import { hostPort } from '../../federation/model/endpoint.ts';
import { type CodecResources, createCodecResources } from '../http/resources.ts';
import type { ClientConnectionHandler, HeaderBlock, ResponseReceiver } from '../http/stream.ts';
import { Http2ClientConnection } from '../http2/client-connection.ts';
import { UPSTREAM_HTTP2 } from '../http2/options.ts';
import type { ProbeTarget } from './probe-target.ts';

/** Asks pods that speak HTTP/2 alone, with prior knowledge. */
export class Http2Prober {
  readonly #resources: CodecResources = createCodecResources();

  /** The status of a GET; undefined when none came in time. */
  status(target: ProbeTarget, path: string, timeoutMs: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ ...target, noDelay: true, signal: AbortSignal.timeout(timeoutMs) });
      const done = (status: number | undefined): void => {
        resolve(status);
        socket.destroy();
      };
      socket.once('error', () => done(undefined));
      socket.once('close', () => done(undefined));
      const connection = new Http2ClientConnection(socket, UPSTREAM_HTTP2, IGNORED, this.#resources);
      connection.open(statusReceiver(done), requestBlock(target, path), true);
    });
  }
}

/** What ends the connection ends its one request, which tells of it. */
const IGNORED: ClientConnectionHandler = {
  availabilityChanged: () => undefined,
  draining: () => undefined,
  rejected: () => undefined,
  closed: () => undefined,
};

function requestBlock({ host, port }: ProbeTarget, path: string): HeaderBlock {
  return [
    ...[':method', 'GET', ':scheme', 'http', ':authority', hostPort(host, port), ':path', path],
    ...['user-agent', 'isthmus-health-check'],
  ];
}

function statusReceiver(done: (status: number | undefined) => void): ResponseReceiver {
  return {
    responseInformational: () => undefined,
    responseHeaders: (block) => done(Number(block[block.indexOf(':status') + 1])),
    responseData: () => undefined,
    responseTrailers: () => undefined,
    responseFailed: () => done(undefined),
    requestDrained: () => undefined,
  };
}
