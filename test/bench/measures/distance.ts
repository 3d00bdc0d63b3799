import { cpuOf } from '../cpu.ts';
import { RELAY_BYTES_PER_SECOND } from '../delay-relay.ts';
import type { EngineRun } from '../engine-run.ts';
import { type Downloaded, download, openSession } from '../load/download.ts';
import type { Measurement } from '../summary.ts';
import type { Measure, MeasurePlace } from './measure.ts';

/** Round-trip times; the one that the main figures are of stands apart. */
const RTTS_MS = [50, 200, 100];
const MAIN_RTT_MS = 100;
const GROWTH_SECONDS = 1;
const MIB = 2 ** 20;

/** One stream through a link with a delay and a rate: how much of the rate it gets. A request is one MiB of it. */
export class DistanceMeasure implements Measure {
  readonly #place: MeasurePlace;

  constructor(place: MeasurePlace) {
    this.#place = place;
  }

  async warm(run: EngineRun): Promise<void> {
    await this.#download(run, MAIN_RTT_MS, GROWTH_SECONDS + 0.5);
  }

  async measure(run: EngineRun): Promise<Measurement> {
    const shares: [string, number][] = [];
    for (const rttMs of RTTS_MS) {
      if (rttMs === MAIN_RTT_MS) continue;
      const { bytesPerSecond } = await this.#download(run, rttMs, this.#seconds);
      shares.push([`distance.shareAtRttMs.${rttMs}`, bytesPerSecond / RELAY_BYTES_PER_SECOND]);
    }
    const before = cpuOf(run.pair);
    const { bytesPerSecond, firstByteMs } = await this.#download(run, MAIN_RTT_MS, this.#seconds);
    const after = cpuOf(run.pair);
    const mebibytes = (bytesPerSecond * this.#seconds) / MIB;
    const share = bytesPerSecond / RELAY_BYTES_PER_SECOND;
    return {
      east: (after.east - before.east) / mebibytes,
      west: (after.west - before.west) / mebibytes,
      rps: bytesPerSecond / MIB,
      p50Ms: firstByteMs,
      p99Ms: firstByteMs,
      errors: 0,
      more: {
        bytesPerSecond,
        'distance.rttMs': MAIN_RTT_MS,
        'distance.rateBytesPerSecond': RELAY_BYTES_PER_SECOND,
        'distance.share': share,
        ...Object.fromEntries(shares),
        [`distance.shareAtRttMs.${MAIN_RTT_MS}`]: share,
      },
    };
  }

  get #seconds(): number {
    return GROWTH_SECONDS + this.#place.seconds;
  }

  async #download({ pair, relay }: EngineRun, rttMs: number, seconds: number): Promise<Downloaded> {
    relay?.setRtt(rttMs);
    const session = openSession(pair.port);
    try {
      return await download(session, this.#place.scenario.path, seconds, GROWTH_SECONDS);
    } finally {
      session.destroy();
    }
  }
}
