import type { Measure, MeasurePlace } from './measures/measure.ts';
import { MessagesMeasure } from './measures/messages.ts';
import { RequestsMeasure } from './measures/requests.ts';
import type { MeasureKind } from './scenario.ts';

const MEASURES: Readonly<Record<MeasureKind, (place: MeasurePlace) => Measure>> = {
  requests: (place) => new RequestsMeasure(place),
  messages: ({ scenario, seconds }) => new MessagesMeasure(scenario, seconds),
};

export function measureOf(place: MeasurePlace): Measure {
  return MEASURES[place.scenario.kind](place);
}
