import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../../federation/model/user-error.ts';
import { KeepAliveClient } from './keep-alive-client.ts';
import { NAMESPACE } from './service-objects.ts';

const POLL_MS = 20;
/** More than there are services that are waited for. */
const CONNECTIONS = 100;
/** Who waits longer asks less often: else a system that is late would get the more to do the later it is. */
const POLL_SHARE = 1 / 16;
const GIVE_UP_MS = 10_000;
const OK = 200;
/** Of a gateway that knows no pod to ask. Other refusals (too much load, too slow) do not say that the pod is gone. */
const UNAVAILABLE = 503;

/** What was waited for since a round began; latencies in ms, sorted. */
export interface CanaryResult {
  /** From when the change was meant to be written to the first answer of its pod through both gateways. */
  readonly readyMs: readonly number[];
  /** The same of pods that were no longer ready, to the first request that did not reach one. */
  readonly goneMs: readonly number[];
  /** Changes that did not come through in time; among the latencies they are as late as was waited. */
  readonly lost: number;
  /** How many requests that took. */
  readonly requests: number;
}

/**
 * Asks east's gateway for services whose one pod, in west, comes and goes, until the answer is what it should be. A
 * latency is that of the answer that was: up to 20 ms, or a sixteenth, longer than it took.
 */
export class CanaryProbe {
  readonly host: string;
  readonly port: number;
  readonly #client: KeepAliveClient;
  readonly #server: Server;
  #watching = new Map<string, Promise<void>>();
  #readyMs: number[] = [];
  #goneMs: number[] = [];
  #lost = 0;
  #requests = 0;

  private constructor(server: Server, host: string, entryPort: number) {
    this.#server = server;
    this.host = host;
    this.port = (server.address() as AddressInfo).port;
    const dial = () => connect({ host: '127.0.0.1', port: entryPort });
    this.#client = new KeepAliveClient(dial, CONNECTIONS);
  }

  /** @param entryPort of east's gateway. @throws UserError where the pods could have no address */
  static async start(entryPort: number): Promise<CanaryProbe> {
    const host = ownAddress();
    const server = createServer((_, response) => response.end('ok'));
    server.keepAliveTimeout = 0;
    server.listen(0, host);
    await once(server, 'listening');
    return new CanaryProbe(server, host, entryPort);
  }

  /** Waits in the background until the pod can be reached, or cannot. */
  watch(service: string, ready: boolean, dueMs: number): void {
    const before = this.#watching.get(service) ?? Promise.resolve();
    this.#watching.set(
      service,
      before.then(() => this.#wait(service, ready, dueMs)),
    );
  }

  async reaches(service: string): Promise<boolean> {
    return (await this.#ask(service)) === OK;
  }

  /** Everything that was watched since the last call, once it has come. */
  async take(): Promise<CanaryResult> {
    await Promise.all(this.#watching.values());
    const sorted = (values: number[]): number[] => values.sort((a, b) => a - b);
    const result = {
      readyMs: sorted(this.#readyMs),
      goneMs: sorted(this.#goneMs),
      lost: this.#lost,
      requests: this.#requests,
    };
    this.#watching = new Map();
    this.#readyMs = [];
    this.#goneMs = [];
    this.#lost = 0;
    this.#requests = 0;
    return result;
  }

  close(): void {
    this.#client.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #wait(service: string, ready: boolean, dueMs: number): Promise<void> {
    while (Date.now() - dueMs < GIVE_UP_MS) {
      // Nothing has come the moment it is written: it is waited before the first request, too.
      await sleep(Math.max(POLL_MS, (Date.now() - dueMs) * POLL_SHARE));
      const status = await this.#ask(service);
      if (status !== (ready ? OK : UNAVAILABLE)) continue;
      // An answer that took too long by itself came too late, too.
      if (Date.now() - dueMs >= GIVE_UP_MS) break;
      return this.#came(ready, dueMs);
    }
    this.#lost++;
    // So late at least: what did not come must not make those look better that did.
    this.#came(ready, dueMs);
  }

  #came(ready: boolean, dueMs: number): void {
    (ready ? this.#readyMs : this.#goneMs).push(Date.now() - dueMs);
  }

  /** undefined = the connection ended before the answer, which says nothing of the service. */
  async #ask(service: string): Promise<number | undefined> {
    this.#requests++;
    const head = `GET / HTTP/1.1\r\nhost: ${service}.${NAMESPACE}.svc.clusterset.local\r\n\r\n`;
    try {
      return await this.#client.ask(Buffer.from(head, 'latin1'));
    } catch {
      return undefined;
    }
  }
}

/** Kubernetes takes no endpoint on loopback. What goes to an own address does not leave the machine either. */
function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) {
      if (family === 'IPv4' && !internal) return address;
    }
  }
  throw new UserError('this machine has no IPv4 address other than that of loopback', {
    hint: 'endpoints in Kubernetes may not be on loopback: give it one (ip address add 192.0.2.1/32 dev lo is none)',
  });
}
