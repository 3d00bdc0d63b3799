import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { ListenAddress } from '../config.ts';
import { isLoopbackAuthority } from '../model/endpoint.ts';
import type { TelemetryPage, TelemetryPages } from '../runtime/telemetry-server.ts';
import { cannotListen } from '../service/listening.ts';
import { printMetrics } from './federation-metrics.ts';
import { answerLeave, type Leaving } from './leave-request.ts';
import type { ServiceReport } from './service-report.ts';
import type { FederationState, Readiness } from './state-report.ts';

const REQUEST_TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 100;
/** Why a program runs and does nothing yet. */
export interface Waiting {
  /** `waiting`: it is well, ready, and somebody else must do something. `starting`: it is not known to be so, or is not. */
  readonly kind: 'waiting' | 'starting';
  readonly waitingFor: string;
  readonly hint: string;
}

const STARTING: Readiness = { kind: 'starting', waitingFor: 'its own parts', problems: [] };

/** A running service, as its pages tell of it. */
export interface Served extends Leaving {
  readonly services: () => readonly ServiceReport[];
}

/** `/healthz`, `/readyz`, `/metrics`, `/state` and `/services`; and `POST /leave`, the one thing that it can be told. */
export class AdminServer {
  readonly #server: Server;
  readonly #waiting: (() => Waiting) | undefined;
  #served: Served | undefined;

  /** @param waiting why it is not served yet, where that is as it should be */
  constructor(waiting?: () => Waiting) {
    this.#waiting = waiting;
    this.#server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      const [path = ''] = (request.url ?? '').split('?', 1);
      if (!isLoopbackAuthority(request.headers.host ?? ''))
        send(response, 421, 'text/plain', 'another host\n');
      else if (request.method === 'POST' && path === '/leave') this.#leave(request.headers, response);
      else if (request.method !== 'GET') send(response, 405, 'text/plain', 'GET only\n');
      else if (!this.#answer(path, response)) send(response, 404, 'text/plain', 'not found\n');
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * @returns the port, also when 0 was asked for
   * @throws UserError when the address cannot be listened on.
   */
  async listen(address: ListenAddress): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', (failure) => reject(cannotListen(address, failure)));
    this.#server.listen(address.port, address.host, resolve);
    await promise;
    const bound = this.#server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : address.port;
  }

  /** Until then it only says that it is alive. */
  serve(served: Served): void {
    this.#served = served;
  }

  /** undefined until it serves. */
  get state(): FederationState | undefined {
    return this.#served?.state();
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  #leave(headers: IncomingHttpHeaders, response: ServerResponse): void {
    if (this.#served === undefined) {
      sendJson(response, 503, STARTING);
      return;
    }
    answerLeave(headers, this.#served).then(
      ({ status, body }) => sendJson(response, status, body),
      (failure: unknown) => sendJson(response, 500, { left: false, reason: String(failure) }),
    );
  }

  #answer(path: string, response: ServerResponse): boolean {
    if (path === '/services') {
      if (this.#served === undefined) sendJson(response, 503, this.#waiting?.() ?? STARTING);
      else sendJson(response, 200, { services: this.#served.services() });
      return true;
    }
    if (path !== '/healthz' && path !== '/readyz' && path !== '/state' && path !== '/metrics') return false;
    pageOf(path, this.#served?.state(), this.#waiting?.()).then(
      ({ status, contentType, body }) => send(response, status, contentType, body),
      (failure: unknown) => send(response, 500, 'text/plain', `${String(failure)}\n`),
    );
    return true;
  }
}

/** The same while it waits: where that is as it should be, it is ready for what it can do. */
export function waitingPages(waiting: () => Waiting): TelemetryPages {
  return {
    '/healthz': () => pageOf('/healthz', undefined),
    '/readyz': () => {
      const { kind } = waiting();
      return jsonPage(kind === 'waiting' ? 200 : 503, { kind });
    },
    '/metrics': () => ({ status: 200, contentType: 'text/plain; version=0.0.4', body: '' }),
  };
}

/** What the network may read of it: how ready it is, without the reasons, which name services and files. */
export function telemetryPages(state: () => FederationState | undefined): TelemetryPages {
  return {
    '/healthz': () => pageOf('/healthz', undefined),
    '/readyz': () => {
      const { kind } = state()?.readiness ?? STARTING;
      return jsonPage(kind === 'starting' ? 503 : 200, { kind });
    },
    '/metrics': () => pageOf('/metrics', state()),
  };
}

async function pageOf(
  path: '/healthz' | '/readyz' | '/state' | '/metrics',
  state: FederationState | undefined,
  waiting?: Waiting,
): Promise<TelemetryPage> {
  if (path === '/healthz') return { status: 200, contentType: 'text/plain', body: 'ok\n' };
  if (state === undefined && waiting !== undefined) {
    return jsonPage(path === '/readyz' && waiting.kind === 'waiting' ? 200 : 503, waiting);
  }
  if (state === undefined) return jsonPage(503, STARTING);
  switch (path) {
    case '/readyz':
      return jsonPage(state.readiness.kind === 'starting' ? 503 : 200, state.readiness);
    case '/state':
      return jsonPage(200, state);
    case '/metrics':
      return { status: 200, contentType: 'text/plain; version=0.0.4', body: await printMetrics(state) };
  }
}

function jsonPage(status: number, value: unknown): TelemetryPage {
  return { status, contentType: 'application/json', body: jsonText(value) };
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json', jsonText(value));
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
}
