import { rm } from 'node:fs/promises';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect } from 'node:net';
import { hostPort, isLoopbackAuthority } from '../../federation/model/endpoint.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { AdminAddress } from '../config.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Answers one path. A UserError becomes 400 with its message. */
export type AdminHandler = (query: URLSearchParams) => AdminAnswer | Promise<AdminAnswer>;

/** By method and path, e.g. `GET /readyz`. */
export type AdminRoutes = ReadonlyMap<string, AdminHandler>;

const REQUEST_TIMEOUT_MS = 10_000;

export function json(status: number, value: unknown): AdminAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value, undefined, 2)}\n` };
}

/** The operator's endpoint: small, on loopback or a unix socket, off the path of requests. */
export class AdminServer {
  readonly #server: Server;
  readonly #address: AdminAddress;

  private constructor(server: Server, address: AdminAddress) {
    this.#server = server;
    this.#address = address;
  }

  /** @throws UserError when the address is occupied or not to be had. */
  static async open(address: AdminAddress, routes: AdminRoutes): Promise<AdminServer> {
    const onSocket = 'socket' in address;
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      answer(request, response, routes, onSocket).catch((error: unknown) => response.destroy(asError(error)));
    });
    if (onSocket) await removeAbandoned(address.socket);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(openError(error, address, 'admin')));
      server.listen(onSocket ? { path: address.socket } : address, resolve);
    });
    return new AdminServer(server, address);
  }

  /** Where it listens, with the port that was found when 0 was asked for. */
  get address(): string {
    const bound = this.#server.address();
    if (typeof bound === 'object' && bound !== null) return hostPort(bound.address, bound.port);
    return 'socket' in this.#address
      ? this.#address.socket
      : hostPort(this.#address.host, this.#address.port);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: AdminRoutes,
  onSocket: boolean,
): Promise<void> {
  const { status, contentType, body } = await answerOf(request, routes, onSocket);
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  response.end(body);
}

async function answerOf(
  request: IncomingMessage,
  routes: AdminRoutes,
  onSocket: boolean,
): Promise<AdminAnswer> {
  request.resume();
  const { headers } = request;
  if (!onSocket && !isLoopbackAuthority(headers.host ?? '')) return json(403, { error: 'not for this host' });
  if (fromWebPage(headers)) return json(403, { error: 'not for web pages: ask with curl or the command' });
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const handler = routes.get(`${request.method} ${path}`);
  if (handler === undefined) return json(404, { error: 'no such page', pages: [...routes.keys()] });
  try {
    return await handler(new URLSearchParams(query));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return json(400, { error: error.message, hint: error.hint });
  }
}

/**
 * Whether a page in a browser sends it: a form of any site may POST to loopback without asking first. A browser names
 * the page in `Origin` with every POST, and in `Sec-Fetch-Site` with everything; `none` is what its user typed.
 */
function fromWebPage({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  return origin !== undefined || (site !== undefined && site !== 'none');
}

/** A socket file that a killed gateway left behind is in the way of its successor. */
async function removeAbandoned(path: string): Promise<void> {
  const inUse = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) => resolve(!('code' in error) || error.code !== 'ECONNREFUSED'));
  });
  if (!inUse) await rm(path, { force: true });
}

/** What a person reads when the address, which `setting` of gateway.yaml names, cannot be listened on. */
export function openError(error: Error, address: AdminAddress, setting: 'admin' | 'telemetry'): UserError {
  const code = 'code' in error ? String(error.code) : error.message;
  const where = 'socket' in address ? address.socket : hostPort(address.host, address.port);
  return new UserError(`cannot open the ${setting} endpoint on ${where} (${code})`, {
    hint:
      code === 'EADDRINUSE'
        ? `another program listens there: stop it, or change ${setting}`
        : `see ${setting}`,
    cause: error,
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
