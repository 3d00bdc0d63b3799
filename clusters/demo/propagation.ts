import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { writeDurably } from '../../federation/runtime/durable-file.ts';
import { CANARIES, canarySlice, NAMESPACE, type Place, type ServicePorts } from './manifests.ts';

export interface PropagationPlan {
  /** The folder of the cluster whose endpoints change. */
  readonly resources: string;
  readonly ports: ServicePorts;
  readonly place: Place;
  /** The gateway of another cluster, where requests enter. */
  readonly entry: { readonly host: string; readonly port: number };
}

const POLL_MS = 3;
const PAUSE_MS = 60;
const GIVE_UP_MS = 10_000;

/**
 * Measures, one change after the other: an endpoint becomes ready in one cluster's folder → a request in another
 * cluster reaches it. Only while `storeUp` says so; a change that the store's outage fell into does not count.
 */
export class PropagationProbe {
  readonly measuredMs: number[] = [];
  readonly #plan: PropagationPlan;
  readonly #storeUp: () => boolean;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(plan: PropagationPlan, storeUp: () => boolean) {
    this.#plan = plan;
    this.#storeUp = storeUp;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let index = 0; !this.#stopped; index = (index + 1) % CANARIES) {
      if (this.#storeUp()) await this.#measure(index);
      await pause(PAUSE_MS);
    }
  }

  async #measure(index: number): Promise<void> {
    await this.#set(index, true);
    const startMs = performance.now();
    const reached = await this.#until(index, 200);
    const durationMs = performance.now() - startMs;
    if (reached && this.#storeUp()) this.measuredMs.push(durationMs);
    // A change that never arrived is the worst measurement, not a missing one.
    else if (this.#storeUp() && !this.#stopped) this.measuredMs.push(GIVE_UP_MS);
    await this.#set(index, false);
    await this.#until(index, 503);
  }

  async #set(index: number, ready: boolean): Promise<void> {
    const manifest = canarySlice(index, this.#plan.ports, this.#plan.place, ready);
    await writeDurably(join(this.#plan.resources, manifest.name), manifest.text);
  }

  async #until(index: number, status: number): Promise<boolean> {
    const deadlineMs = performance.now() + GIVE_UP_MS;
    while (performance.now() < deadlineMs && !this.#stopped && this.#storeUp()) {
      if ((await this.#ask(index)) === status) return true;
      await pause(POLL_MS);
    }
    return false;
  }

  #ask(index: number): Promise<number> {
    const { host, port } = this.#plan.entry;
    const authority = `canary-${index}.${NAMESPACE}.svc.clusterset.local`;
    return new Promise((resolve) => {
      const asked = request({ host, port, path: '/', headers: { host: authority } }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      });
      asked.on('error', () => resolve(0));
      asked.end();
    });
  }
}
