import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from './clock.ts';

export interface TelemetryPage {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** `/healthz`, `/readyz` and `/metrics`, and nothing else. */
export type TelemetryPath = '/healthz' | '/readyz' | '/metrics';

export type TelemetryPages = Readonly<Record<TelemetryPath, () => TelemetryPage | Promise<TelemetryPage>>>;

export interface TelemetryOptions {
  readonly clock: Clock;
  readonly pages: TelemetryPages;
  /** Told why a page could not be made; who asked for it is not. */
  readonly onFailure: (path: TelemetryPath, failure: unknown) => void;
  /** How long a connection may last, ms; default 10 s. */
  readonly connectionMs?: number;
}

const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 8 * 1024;
const CONNECTION_MS = 10_000;
/** A page serves all who ask for it within this time, so that asking fast costs little. */
const REUSE_MS = 250;

interface KeptPage {
  readonly page: Promise<TelemetryPage>;
  /** Monotonic; no end while it is being made. */
  untilMs: number;
}

/**
 * What kubelet and Prometheus read, on an address that the network reaches: three pages, one request for each
 * connection, a connection for a few seconds. When there are too many the oldest ends, so that nobody who holds on to
 * connections keeps a probe out.
 */
export class TelemetryServer {
  readonly #options: TelemetryOptions;
  readonly #server: Server;
  /** In order of arrival. */
  readonly #connections = new Set<Socket>();
  readonly #kept = new Map<TelemetryPath, KeptPage>();

  private constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.on('connection', (socket: Socket) => this.#welcome(socket));
  }

  /** @throws the system's error when the address cannot be listened on. */
  static async open(
    address: { readonly host: string; readonly port: number },
    options: TelemetryOptions,
  ): Promise<TelemetryServer> {
    const server = new TelemetryServer(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.#server.once('error', reject);
    server.#server.listen(address.port, address.host, resolve);
    await promise;
    return server;
  }

  /** The port, also when 0 was asked for. */
  get port(): number {
    const bound = this.#server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : 0;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#connections) socket.destroy();
    await promise;
  }

  #welcome(socket: Socket): void {
    const [oldest] = this.#connections;
    if (oldest !== undefined && this.#connections.size >= MAX_CONNECTIONS) oldest.destroy();
    this.#connections.add(socket);
    const { clock, connectionMs = CONNECTION_MS } = this.#options;
    const cancel = clock.after(connectionMs, () => socket.destroy());
    socket.once('close', () => {
      cancel();
      this.#connections.delete(socket);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, contentType, body } = await this.#pageFor(request);
    const headers = { 'content-type': contentType, 'cache-control': 'no-store', connection: 'close' };
    response.writeHead(status, headers).end(body);
  }

  async #pageFor({ method, url = '' }: IncomingMessage): Promise<TelemetryPage> {
    const [path = ''] = url.split('?', 1);
    if (method !== 'GET') return plain(405, 'GET only');
    if (!isTelemetryPath(path)) return plain(404, 'not found');
    try {
      return await this.#page(path);
    } catch (failure) {
      this.#options.onFailure(path, failure);
      return plain(500, 'failed');
    }
  }

  #page(path: TelemetryPath): Promise<TelemetryPage> {
    const { clock, pages } = this.#options;
    const before = this.#kept.get(path);
    if (before !== undefined && clock.monotonic() < before.untilMs) return before.page;
    const make = async (): Promise<TelemetryPage> => pages[path]();
    const kept: KeptPage = {
      page: make().finally(() => {
        kept.untilMs = clock.monotonic() + REUSE_MS;
      }),
      untilMs: Number.POSITIVE_INFINITY,
    };
    this.#kept.set(path, kept);
    return kept.page;
  }
}

function isTelemetryPath(path: string): path is TelemetryPath {
  return path === '/healthz' || path === '/readyz' || path === '/metrics';
}

function plain(status: number, text: string): TelemetryPage {
  return { status, contentType: 'text/plain', body: `${text}\n` };
}
