import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../../federation/model/user-error.ts';
import type { BackendPlan } from './backend-process.ts';
import { clusterManifests } from './manifests.ts';
import { accepts, ready } from './probe.ts';
import { type GroupedProcess, type ProcessNursery, siblingScript } from './process-group.ts';
import { type ClusterPlan, HOST, TIERS } from './topology.ts';

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 25;
const BACKEND_DELAY_MS = 20;

/** One cluster of the demo: a federation service, a gateway and the backends, each a process of its own. */
export class DemoCluster {
  readonly plan: ClusterPlan;
  readonly folder: string;
  readonly #nursery: ProcessNursery;
  #processes: GroupedProcess[] = [];

  constructor(nursery: ProcessNursery, plan: ClusterPlan, root: string) {
    this.#nursery = nursery;
    this.plan = plan;
    this.folder = join(root, plan.name);
  }

  get name(): string {
    return this.plan.name;
  }

  get resources(): string {
    return join(this.folder, 'resources');
  }

  get place(): { host: string; zone: string } {
    return { host: HOST, zone: this.plan.locality.zone };
  }

  /** What the cluster offers, before its first start. */
  async writeManifests(offer: { readonly canaries: number; readonly greeter: boolean }): Promise<void> {
    await mkdir(this.resources, { recursive: true });
    for (const manifest of clusterManifests(this.plan.ports, this.place, { tiers: TIERS, ...offer })) {
      await writeFile(join(this.resources, manifest.name), manifest.text);
    }
  }

  /** Starts all processes and resolves when the gateway and the federation service say that they are ready. */
  async start(): Promise<void> {
    const cli = siblingScript('../../cli');
    const log = (name: string): string => join(this.folder, `${name}.log`);
    const run = (part: 'federation' | 'gateway'): GroupedProcess =>
      this.#nursery.startScript(
        `${part} of ${this.name}`,
        cli,
        [part, 'run', '--config', join(this.folder, `${part}.yaml`)],
        log(part),
      );
    const backend = this.#nursery.startScript(
      `backend of ${this.name}`,
      siblingScript('./backend-process'),
      [JSON.stringify(this.#backendPlan())],
      log('backend'),
    );
    this.#processes = [backend, run('federation'), run('gateway')];
    await this.#until('backend', () => accepts(HOST, this.plan.ports.grpcPort));
    await this.#until('federation', () => ready(HOST, this.plan.ports.federationAdmin));
    await this.#until('gateway', () => ready(HOST, this.plan.ports.gatewayAdmin));
  }

  /** As a power cut: SIGKILL to all processes at once. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await Promise.all(this.#processes.map((process) => process.ended));
  }

  /** As a cut network or a hung hypervisor: every process stands still, every connection stays open. */
  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals): void {
    for (const process of this.#processes) process.signal(signal);
  }

  #backendPlan(): BackendPlan {
    const { echoPorts, streamPort, grpcPort, canaryPort } = this.plan.ports;
    return {
      cluster: this.name,
      host: HOST,
      echoPorts,
      streamPort,
      grpcPort,
      canaryPort,
      delayMs: BACKEND_DELAY_MS,
    };
  }

  async #until(part: string, holds: () => Promise<boolean>): Promise<void> {
    const deadlineMs = Date.now() + START_TIMEOUT_MS;
    while (!(await holds())) {
      const ended = this.#processes.find((process) => !process.running);
      if (ended !== undefined) throw this.#failed(`the ${ended.name} ended with ${await ended.ended}`, part);
      if (Date.now() > deadlineMs) throw this.#failed(`the ${part} of ${this.name} did not get ready`, part);
      await pause(POLL_MS);
    }
  }

  #failed(what: string, part: string): UserError {
    return new UserError(what, { hint: `see the logs in ${this.folder} (${part}.log)` });
  }
}
