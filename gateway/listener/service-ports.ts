import { mapDifference } from '../../federation/model/large-map.ts';
import type { RoutingSnapshot, SnapshotPort } from '../../federation/model/snapshot.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { Acceptor, OpenPort } from './acceptor.ts';
import type { Listener } from './connection-server.ts';

type ServiceListener = Listener & { readonly kind: 'service' };

type PortState =
  | { readonly kind: 'opening'; readonly listener: ServiceListener }
  | { readonly kind: 'open'; readonly listener: ServiceListener; readonly opened: OpenPort }
  | { readonly kind: 'failed'; readonly listener: ServiceListener; readonly cancelRetry: () => void };

const RETRY_MS = 5_000;

export interface ServicePortsOptions {
  readonly host: string;
  readonly acceptor: Acceptor;
  readonly clock: Clock;
  /** A port could not be opened; it is tried again. */
  readonly onFailure: (error: UserError) => void;
}

/** Keeps a port open for each imported service port that the snapshot in force has a number for. */
export class ServicePorts {
  readonly #options: ServicePortsOptions;
  readonly #ports = new Map<number, PortState>();
  #services: RoutingSnapshot['services'] = new Map();
  #closed = false;

  constructor(options: ServicePortsOptions) {
    this.#options = options;
  }

  /** The numbers that are open now. */
  get open(): readonly number[] {
    return [...this.#ports].filter(([, state]) => state.kind === 'open').map(([port]) => port);
  }

  /** Nothing after `close`: a snapshot that comes in a drain opens no port again. */
  async update(snapshot: RoutingSnapshot): Promise<void> {
    if (this.#closed) return;
    const before = this.#services;
    this.#services = snapshot.services;
    if (!portsDiffer(before, snapshot.services)) return;
    const wanted = wantedListeners(snapshot);
    for (const [port, state] of this.#ports) {
      if (wanted.get(port)?.protocol !== state.listener.protocol) this.#remove(port, state);
    }
    const opening = [...wanted.values()].filter(({ port }) => !this.#ports.has(port));
    await Promise.all(opening.map((listener) => this.#open(listener)));
  }

  close(): void {
    this.#closed = true;
    for (const [port, state] of this.#ports) this.#remove(port, state);
  }

  async #open(listener: ServiceListener): Promise<void> {
    const { host, acceptor } = this.#options;
    const state: PortState = { kind: 'opening', listener };
    this.#ports.set(listener.port, state);
    try {
      const opened = await acceptor.open({ host, port: listener.port }, listener, 'listeners.services.host');
      if (this.#ports.get(listener.port) === state) {
        this.#ports.set(listener.port, { kind: 'open', listener, opened });
      } else opened.close();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (this.#ports.get(listener.port) === state) this.#failed(listener, error);
    }
  }

  #failed(listener: ServiceListener, error: UserError): void {
    this.#options.onFailure(error);
    const cancelRetry = this.#options.clock.after(RETRY_MS, () => {
      if (!this.#closed) this.#open(listener);
    });
    this.#ports.set(listener.port, { kind: 'failed', listener, cancelRetry });
  }

  #remove(port: number, state: PortState): void {
    this.#ports.delete(port);
    if (state.kind === 'open') state.opened.close();
    if (state.kind === 'failed') state.cancelRetry();
  }
}

/** Most of what changes in a snapshot changes no port, and a cluster may have ten thousand of them. */
function portsDiffer(before: RoutingSnapshot['services'], after: RoutingSnapshot['services']): boolean {
  const { changed, removed } = mapDifference(before, after);
  if (removed.length > 0) return true;
  return changed.some(([key, { ports }]) => !samePorts(before.get(key)?.ports, ports));
}

function samePorts(before: readonly SnapshotPort[] | undefined, after: readonly SnapshotPort[]): boolean {
  if (before === undefined || before.length !== after.length) return false;
  return after.every(({ listenPort, protocol }, index) => {
    const other = before[index];
    return other !== undefined && other.listenPort === listenPort && other.protocol === protocol;
  });
}

/** By port number. Should a number stand twice, the first service has it. */
function wantedListeners(snapshot: RoutingSnapshot): ReadonlyMap<number, ServiceListener> {
  const wanted = new Map<number, ServiceListener>();
  for (const service of snapshot.services.values()) {
    for (const { listenPort, protocol } of service.ports) {
      if (listenPort === undefined || wanted.has(listenPort)) continue;
      wanted.set(listenPort, { kind: 'service', port: listenPort, protocol });
    }
  }
  return wanted;
}
