import type { OutlierPolicy } from '../../federation/model/policy.ts';
import type { ServiceKey } from '../../federation/model/service.ts';
import {
  type CheckState,
  type EndpointRuntime,
  newEndpointRuntime,
  type Outcome,
} from './endpoint-runtime.ts';
import { decideEjections, failsTooOften } from './outlier.ts';
import { observeLatency } from './peak-ewma.ts';
import type { SweptPool, TroubledPools } from './troubled-pools.ts';

export interface PoolPolicy {
  readonly outlier: OutlierPolicy;
  /** Whether the policy has an active health check. */
  readonly checked: boolean;
}

/** An endpoint as a new snapshot has it. */
export interface PooledEndpoint {
  /** `ip:port`. */
  readonly address: string;
  /** The provider calls it ready or degraded. */
  readonly serving: boolean;
  /** Since when it is usable, should it be new or serve again; Unix ms. */
  readonly usableSinceMs: number;
}

/**
 * What this worker knows of the endpoints of one port of one service, kept from snapshot to snapshot. `version`
 * changes when one becomes usable or stops being so.
 */
export class EndpointPool implements SweptPool {
  readonly service: ServiceKey;
  readonly #runtimes = new Map<string, EndpointRuntime>();
  readonly #troubled: TroubledPools;
  #policy: PoolPolicy;
  #version = 0;
  #ejections = 0;
  #sweptAtMs = 0;

  /** @param troubled of the worker; the pool is among them while it needs to be swept */
  constructor(service: ServiceKey, policy: PoolPolicy, troubled: TroubledPools) {
    this.service = service;
    this.#policy = policy;
    this.#troubled = troubled;
  }

  get version(): number {
    return this.#version;
  }

  /** Ejections so far. */
  get ejections(): number {
    return this.#ejections;
  }

  /**
   * Brings it to the endpoints of a new snapshot: keeps those that stay, forgets those that went.
   * @returns what is known of each, in their order; one and the same of those with the same address
   */
  update(endpoints: readonly PooledEndpoint[], policy: PoolPolicy): readonly EndpointRuntime[] {
    const version = ++this.#version;
    const check = policy.checked ? 'pending' : 'unchecked';
    const checksChanged = policy.checked !== this.#policy.checked;
    this.#policy = policy;
    let seen = 0;
    const runtimes = endpoints.map(({ address, serving, usableSinceMs }) => {
      let runtime = this.#runtimes.get(address);
      if (runtime === undefined) {
        runtime = newEndpointRuntime(check, serving, usableSinceMs);
        this.#runtimes.set(address, runtime);
      } else {
        if (checksChanged) runtime.check = check;
        if (runtime.seenIn !== version) {
          runtime.servedBefore = runtime.serving;
          runtime.serving = serving;
        } else if (serving) runtime.serving = true;
        if (serving && !runtime.servedBefore) runtime.fitSinceMs = usableSinceMs;
      }
      if (runtime.seenIn !== version) seen++;
      runtime.seenIn = version;
      return runtime;
    });
    if (seen < this.#runtimes.size) this.#forget(version);
    return runtimes;
  }

  #forget(version: number): void {
    for (const [address, { seenIn }] of this.#runtimes) {
      if (seenIn !== version) this.#runtimes.delete(address);
    }
  }

  /** What an active check found at a time (Unix ms). Ignored for an address that is not there any more. */
  setCheck(address: string, check: CheckState, nowMs: number): void {
    const runtime = this.#runtimes.get(address);
    if (runtime === undefined || runtime.check === check) return;
    runtime.check = check;
    if (check === 'healthy') runtime.fitSinceMs = nowMs;
    this.#version++;
  }

  /**
   * For a copy that serves no requests itself: which of the endpoints are ejected where requests are served.
   */
  showEjected(addresses: ReadonlySet<string>): void {
    for (const [address, runtime] of this.#runtimes) {
      const out = addresses.has(address);
      if (out === (runtime.ejection.kind === 'ejected')) continue;
      runtime.ejection = out ? { kind: 'ejected', count: 1, untilMs: Infinity } : { kind: 'in', count: 0 };
      this.#version++;
    }
  }

  /** A request to one of its endpoints has ended; `latencyMs` is from its sending to the first byte of the answer. */
  finished(runtime: EndpointRuntime, nowMs: number, outcome: Outcome, latencyMs: number): void {
    if (outcome === 'unknown') return;
    observeLatency(runtime, nowMs, outcome, latencyMs);
    if (outcome === 'success') {
      runtime.consecutiveFailures = 0;
      return;
    }
    const { outlier } = this.#policy;
    // Its timeout may have passed, or its pod given up, only because this process did not run.
    if (nowMs - latencyMs < this.#troubled.failed(this, nowMs)) return;
    const failedTooOften = failsTooOften(runtime.consecutiveFailures, outlier);
    runtime.consecutiveFailures++;
    // Once, when it crosses the limit; where the bound forbade it then, the sweep looks again.
    if (!failedTooOften && failsTooOften(runtime.consecutiveFailures, outlier)) this.#eject(nowMs, false);
  }

  sweep(nowMs: number): boolean {
    if (nowMs - this.#sweptAtMs >= this.#policy.outlier.sweepIntervalMs) {
      this.#sweptAtMs = nowMs;
      this.#eject(nowMs, true);
    }
    for (const { consecutiveFailures, ejection } of this.#runtimes.values()) {
      if (consecutiveFailures > 0 || ejection.kind === 'ejected' || ejection.count > 0) return true;
    }
    return false;
  }

  troubleBegins(nowMs: number): void {
    this.#sweptAtMs = nowMs;
  }

  forgive(): void {
    for (const runtime of this.#runtimes.values()) runtime.consecutiveFailures = 0;
  }

  *ejected(): Iterable<string> {
    for (const [address, { ejection }] of this.#runtimes) if (ejection.kind === 'ejected') yield address;
  }

  #eject(nowMs: number, sweep: boolean): void {
    const runtimes = [...this.#runtimes.values()];
    for (const { index, ejection } of decideEjections(nowMs, runtimes, this.#policy.outlier, sweep)) {
      const runtime = runtimes[index];
      if (runtime === undefined) continue;
      if (runtime.ejection.kind !== ejection.kind) this.#version++;
      if (ejection.kind === 'ejected') this.#ejections++;
      else if (runtime.ejection.kind === 'ejected') runtime.consecutiveFailures = 0;
      runtime.ejection = ejection;
    }
  }
}
