import { join } from 'node:path';
import { bodyBytes } from './backend.ts';
import { cpuOf } from './cpu.ts';
import type { EnginePair } from './engine.ts';
import { H2load } from './load/h2load.ts';
import type { Latency, LoadResult } from './load/load-result.ts';
import { Wrk } from './load/wrk.ts';
import type { Scenario } from './scenario.ts';
import type { Measurement } from './summary.ts';
import type { Tools } from './tools.ts';

/** h2load counts requests: the first guess of how many fill a second. */
const FIRST_REQUESTS = 200;

/** Requests in a closed loop: CPU of both gateways over a counted number, then the latency under a load of its own. */
export class RequestsMeasure {
  readonly #scenario: Scenario;
  readonly #folder: string;
  readonly #seconds: number;
  readonly #h2load: H2load;
  readonly #wrk: Wrk;

  constructor(scenario: Scenario, tools: Tools, folder: string, seconds: number) {
    this.#scenario = scenario;
    this.#folder = folder;
    this.#seconds = seconds;
    this.#h2load = new H2load(tools.h2load, scenario);
    this.#wrk = new Wrk(tools.wrk, scenario);
  }

  /** Compilers and caches are warm after it. */
  async warm(pair: EnginePair): Promise<void> {
    const { rps } = await this.#put(pair, 1, await this.#firstRate(pair));
    await this.#put(pair, this.#seconds, rps);
  }

  async measure(pair: EnginePair): Promise<Measurement> {
    const { rps: guess } = await this.#put(pair, this.#seconds / 8, await this.#firstRate(pair));
    const before = cpuOf(pair);
    const { requests, rps, errors } = await this.#put(pair, this.#seconds, guess);
    const after = cpuOf(pair);
    const latency = await this.#latency(pair, rps);
    return {
      east: (after.east - before.east) / requests,
      west: (after.west - before.west) / requests,
      rps,
      p50Ms: latency.p50Ms,
      p99Ms: latency.p99Ms,
      errors: errors + latency.errors,
      more: { bytesPerSecond: rps * bodyBytes(this.#scenario.path) },
    };
  }

  async #firstRate(pair: EnginePair): Promise<number> {
    if (this.#scenario.protocol === 'h1') return 0;
    const { connections, streams } = this.#scenario;
    const requests = bodyBytes(this.#scenario.path) > 1e6 ? connections * streams : FIRST_REQUESTS;
    return (await this.#h2load.put(pair.port, requests)).rps;
  }

  #put(pair: EnginePair, seconds: number, rps: number): Promise<LoadResult> {
    if (this.#scenario.protocol === 'h1') return this.#wrk.put(pair.port, seconds);
    return this.#h2load.put(pair.port, this.#requests(seconds, rps));
  }

  #latency(pair: EnginePair, rps: number): Promise<Latency> {
    if (this.#scenario.protocol === 'h1') return this.#wrk.put(pair.port, this.#seconds / 4);
    const log = join(this.#folder, `h2load-${pair.port}.log`);
    return this.#h2load.latency(pair.port, this.#requests(this.#seconds / 4, rps), log);
  }

  /** Each connection has as many to do as any other. */
  #requests(seconds: number, rps: number): number {
    const atOnce = this.#scenario.connections * this.#scenario.streams;
    return Math.max(1, Math.ceil((seconds * rps) / atOnce)) * atOnce;
  }
}
