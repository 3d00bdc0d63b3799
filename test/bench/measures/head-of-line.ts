import type { EngineRun } from '../engine-run.ts';
import { ask, openSession } from '../load/download.ts';
import { generate } from '../load/generator-process.ts';
import type { Loaded } from '../load/load-process.ts';
import { openLoop } from '../load/open-loop.ts';
import type { Measurement } from '../summary.ts';
import type { Measure, MeasurePlace } from './measure.ts';

/** Few enough that nothing waits for CPU. */
const SMALL_PER_SECOND = 500;
const STALLED_PATH = '/files/100m';
/** nginx sends it at 40 MiB/s: a bulk stream without end, that leaves CPU to the small requests. */
const BULK_PATH = '/paced/100m';
const SETTLE_MS = 500;

/** Small requests alone, and then in the same trunk as a reader that has stalled and a bulk stream. */
export class HeadOfLineMeasure implements Measure {
  readonly #place: MeasurePlace;

  constructor(place: MeasurePlace) {
    this.#place = place;
  }

  async warm(run: EngineRun): Promise<void> {
    await this.#small(run);
  }

  async measure(run: EngineRun): Promise<Measurement> {
    const alone = await this.#small(run);
    const others = new OtherTraffic(run.pair.port);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const beside = await this.#small(run);
    const bulkBytesPerSecond = others.end();
    return {
      east: alone.east,
      west: alone.west,
      rps: beside.rps,
      p50Ms: beside.p50Ms,
      p99Ms: beside.p99Ms,
      errors: alone.errors + beside.errors,
      more: {
        'headOfLine.aloneP99Ms': alone.p99Ms,
        'headOfLine.besideP99Ms': beside.p99Ms,
        'headOfLine.ratio': beside.p99Ms / alone.p99Ms,
        'headOfLine.bulkBytesPerSecond': bulkBytesPerSecond,
      },
    };
  }

  #small({ pair }: EngineRun): Promise<Loaded> {
    return generate(
      pair,
      openLoop(this.#place.scenario, pair.port, SMALL_PER_SECOND, this.#place.seconds * 2),
    );
  }
}

class OtherTraffic {
  readonly #stalled;
  readonly #bulk;
  readonly #startedMs = performance.now();
  #bytes = 0;
  #ended = false;

  constructor(port: number) {
    this.#stalled = openSession(port);
    // Nobody reads it: its window stays closed after the first bytes.
    ask(this.#stalled, STALLED_PATH)
      .on('error', () => this.end())
      .pause();
    this.#bulk = openSession(port);
    this.#again();
  }

  /** Bytes per second of the bulk stream. */
  end(): number {
    this.#ended = true;
    this.#stalled.destroy();
    this.#bulk.destroy();
    return (this.#bytes * 1000) / (performance.now() - this.#startedMs);
  }

  #again(): void {
    if (this.#ended) return;
    const stream = ask(this.#bulk, BULK_PATH);
    stream.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
    });
    stream.on('error', () => this.end());
    stream.on('end', () => this.#again());
  }
}
