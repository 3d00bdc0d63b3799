import { join } from 'node:path';
import type { EngineRun } from '../engine-run.ts';
import type { HandshakeSpec } from '../load/handshake-client.ts';
import { type Loaded, runLoad } from '../load/load-process.ts';
import type { Measurement } from '../summary.ts';
import type { Measure, MeasurePlace } from './measure.ts';

const PROGRAM = join(import.meta.dirname, '..', 'load', 'handshake-client.ts');

/** Handshakes with a client certificate at east's edge, one after the other on a few connections at a time. */
export class HandshakeMeasure implements Measure {
  readonly #place: MeasurePlace;

  constructor(place: MeasurePlace) {
    this.#place = place;
  }

  async warm(run: EngineRun): Promise<void> {
    await this.#put(run, false, this.#place.seconds / 2);
  }

  async measure(run: EngineRun): Promise<Measurement> {
    const full = await this.#put(run, false, this.#place.seconds);
    const resumed = await this.#put(run, true, this.#place.seconds);
    const { east, west, rps, p50Ms, p99Ms } = full;
    return {
      east,
      west,
      rps,
      p50Ms,
      p99Ms,
      errors: full.errors + resumed.errors,
      more: {
        'handshake.full.cpuMicros': east,
        'handshake.full.perSecond': rps,
        'handshake.resumed.cpuMicros': resumed.east,
        'handshake.resumed.perSecond': resumed.rps,
      },
    };
  }

  /** What is on its way at the end is broken off: that is no error. */
  async #put({ pair }: EngineRun, resumed: boolean, seconds: number): Promise<Loaded> {
    const { scenario, workspace } = this.#place;
    const lanes = scenario.connections;
    const spec: HandshakeSpec = { port: pair.tlsPort, pki: workspace.pki, lanes, seconds, resumed };
    const loaded = await runLoad(PROGRAM, spec, pair);
    return { ...loaded, errors: Math.max(0, loaded.errors - lanes) };
  }
}
