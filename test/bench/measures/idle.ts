import { fork } from 'node:child_process';
import { on } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from '../cpu.ts';
import type { EnginePair } from '../engine.ts';
import type { EngineRun } from '../engine-run.ts';
import type { IdleMessage, IdleSpec } from '../load/idle-client.ts';
import { residentBytes, workerResidentBytes } from '../memory.ts';
import type { Measurement } from '../summary.ts';
import type { Measure, MeasurePlace } from './measure.ts';

const PROGRAM = join(import.meta.dirname, '..', 'load', 'idle-client.ts');
const FULL_COUNTS = [1000, 5000];
const QUICK_COUNTS = [1000];
/** For what was garbage by the time it was opened. */
const SETTLE_MS = 2000;

interface Opened extends IdleMessage {
  readonly east: number;
  readonly west: number;
  /** Of a worker (or the process, where there is one only) before any connection. */
  readonly workerBytes: number;
  readonly bytesPerConnection: ReadonlyMap<number, number>;
}

/** Memory that connections without traffic keep, each after one request. A request is the opening of one. */
export class IdleMeasure implements Measure {
  readonly #place: MeasurePlace;

  constructor(place: MeasurePlace) {
    this.#place = place;
  }

  async warm(): Promise<void> {
    // Each is measured from its start.
  }

  async measure({ afresh }: EngineRun): Promise<Measurement> {
    const { pki } = this.#place.workspace;
    const plaintext = await afresh((pair) => this.#open(pair, { port: pair.port, pki: undefined }));
    const tls = await afresh((pair) => this.#open(pair, { port: pair.tlsPort, pki }));
    const { east, west, perSecond, p50Ms, p99Ms } = plaintext;
    return {
      east,
      west,
      rps: perSecond,
      p50Ms,
      p99Ms,
      errors: plaintext.failed + tls.failed,
      more: {
        'idle.workerRssBytes': plaintext.workerBytes,
        ...this.#figures('plaintext', plaintext),
        ...this.#figures('tls', tls),
      },
    };
  }

  #figures(kind: string, { bytesPerConnection }: Opened): Record<string, number> {
    const each = [...bytesPerConnection].map(([count, bytes]) => [
      `idle.rssPerConnectionBytesAt.${kind}.${count}`,
      bytes,
    ]);
    const [, last] = [...bytesPerConnection].at(-1) ?? [];
    return { ...Object.fromEntries(each), [`idle.rssPerConnectionBytes.${kind}`]: last ?? Number.NaN };
  }

  async #open(pair: EnginePair, { port, pki }: Omit<IdleSpec, 'counts'>): Promise<Opened> {
    await sleep(SETTLE_MS);
    const counts = this.#place.quick ? QUICK_COUNTS : FULL_COUNTS;
    const workerBytes = workerResidentBytes(pair.eastPid);
    const beforeBytes = residentBytes(pair.eastPid);
    const before = cpuOf(pair);
    const client = fork(PROGRAM, [JSON.stringify({ port, pki, counts } satisfies IdleSpec)]);
    const bytesPerConnection = new Map<number, number>();
    let last: IdleMessage = { wanted: 0, open: 0, failed: 0, perSecond: 0, p50Ms: 0, p99Ms: 0 };
    let after = before;
    try {
      for await (const [message] of on(client, 'message', { close: ['exit'] })) {
        last = message as IdleMessage;
        after = cpuOf(pair);
        await sleep(SETTLE_MS);
        bytesPerConnection.set(last.wanted, (residentBytes(pair.eastPid) - beforeBytes) / last.open);
        client.send('on');
      }
    } finally {
      client.kill('SIGKILL');
    }
    const cpu = (side: 'east' | 'west'): number => (after[side] - before[side]) / last.open;
    return { ...last, east: cpu('east'), west: cpu('west'), workerBytes, bytesPerConnection };
  }
}
