import { createServer, type Server, type Socket } from 'node:net';
import { hostPort } from '../../federation/model/endpoint.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { ListenAddress } from '../config.ts';
import type { Listener } from './connection-server.ts';

/** Hands an accepted, paused socket to a worker. */
export type HandOut = (socket: Socket, listener: Listener) => void;

/** The kernel's default (511 in Node) is short for a burst of new connections behind one accepting process. */
const BACKLOG = 4096;

/**
 * Opens the gateway's ports in the parent process. It accepts for all workers: so a port stays open while a worker
 * is replaced, connections spread evenly, and a port that is closed has none left that nobody has taken.
 */
export class Acceptor {
  readonly #handOut: HandOut;
  readonly #servers = new Set<Server>();

  constructor(handOut: HandOut) {
    this.#handOut = handOut;
  }

  /**
   * @returns the port, for when 0 was asked for, and what closes it
   * @throws UserError when the address is occupied or not to be had
   */
  async open(address: ListenAddress, listener: Listener, setting: string): Promise<OpenPort> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      this.#handOut(socket, listener);
    });
    await listening(server, address, setting);
    this.#servers.add(server);
    const bound = server.address();
    return {
      port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
      close: () => {
        this.#servers.delete(server);
        server.close();
      },
    };
  }

  /** Takes no more connections; those that were taken are with the workers. */
  close(): void {
    for (const server of this.#servers) server.close();
    this.#servers.clear();
  }
}

export interface OpenPort {
  readonly port: number;
  readonly close: () => void;
}

function listening(server: Server, address: ListenAddress, setting: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, address, setting)));
    server.listen({ ...address, backlog: BACKLOG }, () => {
      server.removeAllListeners('error');
      // Accepting can fail for a while (no file descriptors left); the next try is the kernel's next event.
      server.on('error', () => {});
      resolve();
    });
  });
}

const HINTS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'another program listens there: stop it, or change'],
  ['EACCES', 'this user may not listen there: take a port from 1024 on, or change'],
  ['EADDRNOTAVAIL', 'no interface of this machine has this address: change'],
  ['ENOTFOUND', 'this name has no address: change'],
]);

function listenError(error: Error, address: ListenAddress, setting: string): UserError {
  const code = 'code' in error ? String(error.code) : error.message;
  const hint = HINTS.get(code) ?? 'see';
  return new UserError(`cannot listen on ${hostPort(address.host, address.port)} (${code})`, {
    hint: `${hint} ${setting}`,
    cause: error,
  });
}
