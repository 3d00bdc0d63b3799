import type { EnginePair } from '../engine.ts';
import type { Scenario } from '../scenario.ts';
import type { Measurement } from '../summary.ts';
import type { Tools } from '../tools.ts';

/** One scenario's way to measure an engine. */
export interface Measure {
  /** Compilers and caches are warm after it. */
  warm(pair: EnginePair): Promise<void>;
  measure(pair: EnginePair): Promise<Measurement>;
}

export interface MeasurePlace {
  readonly scenario: Scenario;
  readonly tools: Tools;
  readonly folder: string;
  /** How long the load of one measurement takes, about. */
  readonly seconds: number;
}
