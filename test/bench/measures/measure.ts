import type { EngineRun } from '../engine-run.ts';
import type { Scenario } from '../scenario.ts';
import type { Measurement } from '../summary.ts';
import type { Tools } from '../tools.ts';
import type { Workspace } from '../workspace.ts';

/** One scenario's way to measure an engine. */
export interface Measure {
  /** Compilers and caches are warm after it. */
  warm(run: EngineRun): Promise<void>;
  measure(run: EngineRun): Promise<Measurement>;
}

export interface MeasurePlace {
  readonly scenario: Scenario;
  readonly tools: Tools;
  readonly workspace: Workspace;
  /** How long the load of one measurement takes, about. */
  readonly seconds: number;
  readonly quick: boolean;
}
