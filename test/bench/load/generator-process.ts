import { join } from 'node:path';
import type { EnginePair } from '../engine.ts';
import type { GeneratorSpec } from './generator.ts';
import { type Loaded, runLoad } from './load-process.ts';

const PROGRAM = join(import.meta.dirname, 'generator.ts');

/** Runs the load generator. @throws when it breaks */
export function generate(pair: EnginePair, spec: GeneratorSpec): Promise<Loaded> {
  return runLoad(PROGRAM, spec, pair);
}
