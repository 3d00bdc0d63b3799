import { setTimeout as sleep } from 'node:timers/promises';
import type { CanaryProbe } from './canary-probe.ts';
import { podAddress, type ServicePlan } from './service-objects.ts';
import type { SliceWriter } from './slice-writer.ts';

export interface ChangeLoadOptions {
  readonly writer: SliceWriter;
  readonly probe: CanaryProbe;
  /** Of these one after the other comes and goes, and each time is waited for. */
  readonly canaries: readonly ServicePlan[];
  /** Of these any one changes. */
  readonly others: readonly ServicePlan[];
  readonly perSecond: number;
}

export interface ChangeResult {
  readonly changes: number;
  readonly seconds: number;
  readonly failedWrites: number;
  /** How long after their time changes were written, in ms, sorted. */
  readonly lateMs: readonly number[];
}

/** How long a canary stays as it is. */
const CANARY_STAYS_SECONDS = 2;
/** Of those that are ready, every so many gets a new pod in its place instead of an unready one. */
const REPLACED_OF = 3;

/**
 * Writes a given number of changes a second into the API server, in an open loop: each has a time at which it is meant
 * to be written, and everything is counted from then. One endpoint of one slice changes at a time.
 */
export class ChangeLoad {
  readonly #options: ChangeLoadOptions;
  readonly #plans: ServicePlan[];
  readonly #canaries: ServicePlan[];
  #canaryTurn = 0;
  #generation = 0;

  constructor(options: ChangeLoadOptions) {
    this.#options = options;
    this.#plans = [...options.others];
    this.#canaries = [...options.canaries];
  }

  async run(seconds: number): Promise<ChangeResult> {
    const { perSecond } = this.#options;
    const total = Math.round(seconds * perSecond);
    const startMs = Date.now();
    const writes: Promise<boolean>[] = [];
    const lateMs: number[] = [];
    const canaryShare = this.#canaries.length / CANARY_STAYS_SECONDS / perSecond;
    for (let made = 0; made < total; made++) {
      const dueMs = startMs + (made * 1000) / perSecond;
      const waitMs = dueMs - Date.now();
      if (waitMs > 0) await sleep(waitMs);
      lateMs.push(Math.max(0, Date.now() - dueMs));
      const canary = Math.floor((made + 1) * canaryShare) > Math.floor(made * canaryShare);
      writes.push(this.#write(canary ? this.#nextCanary(dueMs) : this.#nextOther(), dueMs));
    }
    const written = await Promise.all(writes);
    return {
      changes: total,
      seconds: (Date.now() - startMs) / 1000,
      failedWrites: written.filter((ok) => !ok).length,
      lateMs: lateMs.sort((a, b) => a - b),
    };
  }

  #nextCanary(dueMs: number): ServicePlan {
    const at = this.#canaryTurn++ % this.#canaries.length;
    const plan = this.#canaries[at];
    const pod = plan?.endpoints[0];
    if (plan === undefined || pod === undefined) throw new Error('there is no canary');
    const next = { ...plan, endpoints: [{ ...pod, ready: !pod.ready }] };
    this.#canaries[at] = next;
    this.#options.probe.watch(next.name, !pod.ready, dueMs);
    return next;
  }

  #nextOther(): ServicePlan {
    const at = Math.floor(Math.random() * this.#plans.length);
    const plan = this.#plans[at];
    if (plan === undefined) throw new Error('there is no service that could change');
    const pod = Math.floor(Math.random() * plan.endpoints.length);
    const endpoints = plan.endpoints.with(pod, this.#changed(plan, pod));
    const next = { ...plan, endpoints };
    this.#plans[at] = next;
    return next;
  }

  #changed(plan: ServicePlan, pod: number): ServicePlan['endpoints'][number] {
    const before = plan.endpoints[pod];
    if (before === undefined) throw new Error('there is no such endpoint');
    this.#generation++;
    if (before.ready && this.#generation % REPLACED_OF === 0) {
      return { address: podAddress(plan.index, pod, this.#generation), ready: true };
    }
    return { ...before, ready: !before.ready };
  }

  async #write(plan: ServicePlan, dueMs: number): Promise<boolean> {
    try {
      await this.#options.writer.replace(plan, Math.floor(dueMs));
      return true;
    } catch (failure) {
      console.error(`a change could not be written: ${String(failure)}`);
      return false;
    }
  }
}
