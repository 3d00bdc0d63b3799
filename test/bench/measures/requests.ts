import { join } from 'node:path';
import { UserError } from '../../../federation/model/user-error.ts';
import { responseBytes } from '../backend.ts';
import { cpuOf } from '../cpu.ts';
import type { EnginePair } from '../engine.ts';
import type { EngineRun } from '../engine-run.ts';
import { generate } from '../load/generator-process.ts';
import { H2load } from '../load/h2load.ts';
import type { Latency, LoadResult } from '../load/load-result.ts';
import { openLoop } from '../load/open-loop.ts';
import { Wrk } from '../load/wrk.ts';
import type { Scenario } from '../scenario.ts';
import type { Measurement } from '../summary.ts';
import type { Measure, MeasurePlace } from './measure.ts';

/** h2load counts requests: the first guess of how many fill a second. */
const FIRST_REQUESTS = 200;
/** Of so large bodies a machine carries only a few a second: too few for an open loop. */
const LARGE_BYTES = 10 * 2 ** 20;

/** CPU of both gateways and the knee in a closed loop; the latency at half the knee in an open loop. */
export class RequestsMeasure implements Measure {
  readonly #scenario: Scenario;
  readonly #folder: string;
  readonly #seconds: number;
  readonly #h2load: H2load;
  readonly #wrk: Wrk;

  constructor({ scenario, tools, workspace, seconds }: MeasurePlace) {
    this.#scenario = scenario;
    this.#folder = workspace.folder;
    this.#seconds = seconds;
    this.#h2load = new H2load(tools.h2load, scenario, workspace.folder);
    this.#wrk = new Wrk(tools.wrk, scenario);
  }

  async warm({ pair }: EngineRun): Promise<void> {
    const { rps } = await this.#put(pair, 1, await this.#firstRate(pair));
    await this.#put(pair, this.#seconds, rps);
  }

  async measure({ pair }: EngineRun): Promise<Measurement> {
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
      more: { bytesPerSecond: rps * responseBytes(this.#scenario) },
    };
  }

  async #firstRate(pair: EnginePair): Promise<number> {
    if (this.#scenario.protocol === 'h1') return 0;
    const { connections, streams } = this.#scenario;
    const requests = responseBytes(this.#scenario) > 1e6 ? connections * streams : FIRST_REQUESTS;
    return (await this.#h2load.put(pair.port, requests)).rps;
  }

  async #put(pair: EnginePair, seconds: number, rps: number): Promise<LoadResult> {
    const result = await (this.#scenario.protocol === 'h1'
      ? this.#wrk.put(pair.port, seconds)
      : this.#h2load.put(pair.port, this.#requests(seconds, rps)));
    if (result.errors * 2 < result.requests) return result;
    throw new UserError(`${result.errors} of ${result.requests} requests failed on port ${pair.port}`, {
      hint: 'the gateway behind it does not work: try it alone',
    });
  }

  #latency(pair: EnginePair, rps: number): Promise<Latency> {
    if (responseBytes(this.#scenario) < LARGE_BYTES) {
      return generate(pair, openLoop(this.#scenario, pair.port, rps / 2, this.#seconds / 2));
    }
    const log = join(this.#folder, `h2load-${pair.port}.log`);
    return this.#h2load.latency(pair.port, this.#requests(this.#seconds / 2, rps), log);
  }

  /** Each connection has as many to do as any other. */
  #requests(seconds: number, rps: number): number {
    const atOnce = this.#scenario.connections * this.#scenario.streams;
    return Math.max(1, Math.ceil((seconds * rps) / atOnce)) * atOnce;
  }
}
