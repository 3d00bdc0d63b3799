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
/**
 * What an engine has once it works, compiled code, pools and a grown heap, is no connection's. Few at once, or what pools
 * keep of them would hide the connections that follow.
 */
const WARM = { connections: 64, requests: 300 };
const FEW = 1000;
const MANY = 5000;
/** For what was garbage by the time it was opened. */
const SETTLE_MS = 3000;

interface Opened extends IdleMessage {
  readonly east: number;
  readonly west: number;
  /** Of a worker (or the process, where there is one only) before any connection. */
  readonly workerBytes: number;
  /** What all of east's processes had, by name of the moment. */
  readonly residentBytes: Readonly<Record<string, number>>;
  readonly bytesPerConnection: number;
}

/**
 * Memory that connections without traffic keep, each after one request: by how much an engine that is warm and has some
 * grows with each one more. A request is the opening of one.
 */
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

  #figures(kind: string, { residentBytes, bytesPerConnection }: Opened): Record<string, number> {
    const moments = Object.entries(residentBytes).map(([moment, bytes]) => [
      `idle.rssBytes.${kind}.${moment}`,
      bytes,
    ]);
    return { ...Object.fromEntries(moments), [`idle.rssPerConnectionBytes.${kind}`]: bytesPerConnection };
  }

  async #open(pair: EnginePair, { port, pki }: Pick<IdleSpec, 'port' | 'pki'>): Promise<Opened> {
    await sleep(SETTLE_MS);
    const workerBytes = workerResidentBytes(pair.eastPid);
    const moments = new Map([['start', residentBytes(pair.eastPid)]]);
    let before = cpuOf(pair);
    let after = before;
    let last: IdleMessage = { wanted: 0, open: 0, failed: 0, perSecond: 0, p50Ms: 0, p99Ms: 0 };
    const spec: IdleSpec = { port, pki, warm: WARM, counts: [FEW, MANY] };
    const client = fork(PROGRAM, [JSON.stringify(spec)]);
    try {
      for await (const [message] of on(client, 'message', { close: ['exit'] })) {
        last = message as IdleMessage;
        after = cpuOf(pair);
        await sleep(SETTLE_MS);
        moments.set(last.wanted === 0 ? 'warm' : String(last.wanted), residentBytes(pair.eastPid));
        if (last.wanted === 0) before = cpuOf(pair);
        client.send('on');
      }
    } finally {
      client.kill('SIGKILL');
    }
    const cpu = (side: 'east' | 'west'): number => (after[side] - before[side]) / last.open;
    const at = (count: number): number => moments.get(String(count)) ?? Number.NaN;
    return {
      ...last,
      east: cpu('east'),
      west: cpu('west'),
      workerBytes,
      residentBytes: Object.fromEntries(moments),
      bytesPerConnection: (at(MANY) - at(FEW)) / (MANY - FEW),
    };
  }
}
