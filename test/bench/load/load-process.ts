import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpuOf, type PairCpu } from '../cpu.ts';
import type { EnginePair } from '../engine.ts';
import type { PacedResult } from './pacer.ts';

/** What a load program, `node PROGRAM SPEC` with SPEC as JSON, tells its parent, in this order. */
export type LoadMessage =
  | { readonly kind: 'begins' }
  | { readonly kind: 'ends'; readonly requests: number }
  | { readonly kind: 'result'; readonly result: PacedResult };

export interface Loaded extends PacedResult {
  /** CPU of both gateways for each request, µs. */
  readonly east: number;
  readonly west: number;
}

const PATIENCE_MS = 60_000;

/** Runs a load program in a process of its own. @throws when it breaks, or takes more than a minute */
export async function runLoad(program: string, spec: unknown, pair: EnginePair): Promise<Loaded> {
  const child = fork(program, [JSON.stringify(spec)], { timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
  let before: PairCpu | undefined;
  let cpu: PairCpu = { east: Number.NaN, west: Number.NaN };
  let result: PacedResult | undefined;
  child.on('message', (message: LoadMessage) => {
    if (message.kind === 'result') result = message.result;
    if (message.kind === 'begins') before = cpuOf(pair);
    if (message.kind === 'ends' && before !== undefined) {
      const after = cpuOf(pair);
      cpu = {
        east: (after.east - before.east) / message.requests,
        west: (after.west - before.west) / message.requests,
      };
    }
  });
  await once(child, 'exit');
  if (result === undefined) throw new Error('the load generator broke');
  if (result.requests === 0) throw new Error('not one request was answered');
  return { ...result, ...cpu };
}
