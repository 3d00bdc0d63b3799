import type { EnginePair } from './engine.ts';
import { MessagesMeasure } from './measures/messages.ts';
import { RequestsMeasure } from './measures/requests.ts';
import type { MeasureKind, Scenario } from './scenario.ts';
import type { Measurement } from './summary.ts';
import type { Tools } from './tools.ts';

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

const MEASURES: Readonly<Record<MeasureKind, (place: MeasurePlace) => Measure>> = {
  requests: (place) => new RequestsMeasure(place),
  messages: ({ scenario, seconds }) => new MessagesMeasure(scenario, seconds),
};

export function measureOf(place: MeasurePlace): Measure {
  return MEASURES[place.scenario.kind](place);
}
