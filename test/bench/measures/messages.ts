import { responseBytes } from '../backend.ts';
import type { EngineRun } from '../engine-run.ts';
import { generate } from '../load/generator-process.ts';
import { closedLoop, openLoop } from '../load/open-loop.ts';
import type { Scenario } from '../scenario.ts';
import type { Measurement } from '../summary.ts';
import type { Measure } from './measure.ts';

/** Messages there and back on streams or connections that stay: CPU for each in a closed loop, then the latency. */
export class MessagesMeasure implements Measure {
  readonly #scenario: Scenario;
  readonly #seconds: number;

  constructor(scenario: Scenario, seconds: number) {
    this.#scenario = scenario;
    this.#seconds = seconds;
  }

  async warm({ pair }: EngineRun): Promise<void> {
    await generate(pair, closedLoop(this.#scenario, pair.port, this.#seconds));
  }

  async measure({ pair }: EngineRun): Promise<Measurement> {
    const knee = await generate(pair, closedLoop(this.#scenario, pair.port, this.#seconds));
    const half = await generate(pair, openLoop(this.#scenario, pair.port, knee.rps / 2, this.#seconds / 2));
    const { east, west, rps } = knee;
    return {
      east,
      west,
      rps,
      p50Ms: half.p50Ms,
      p99Ms: half.p99Ms,
      errors: knee.errors + half.errors,
      more: { bytesPerSecond: rps * responseBytes(this.#scenario) },
    };
  }
}
