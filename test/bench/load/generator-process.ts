import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { cpuOf, type PairCpu } from '../cpu.ts';
import type { EnginePair } from '../engine.ts';
import type { GeneratorMessage, GeneratorSpec } from './generator.ts';
import type { PacedResult } from './pacer.ts';

const PROGRAM = join(import.meta.dirname, 'generator.ts');

export interface Generated extends PacedResult {
  /** CPU of both gateways for each request, µs. */
  readonly east: number;
  readonly west: number;
}

/** Runs the load generator in a process of its own. @throws when it breaks */
export async function generate(pair: EnginePair, spec: GeneratorSpec): Promise<Generated> {
  const child = fork(PROGRAM, [JSON.stringify(spec)]);
  let before: PairCpu | undefined;
  let cpu: PairCpu = { east: Number.NaN, west: Number.NaN };
  let result: PacedResult | undefined;
  child.on('message', (message: GeneratorMessage) => {
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
  return { ...result, ...cpu };
}
