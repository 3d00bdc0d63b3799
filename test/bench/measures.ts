import { DistanceMeasure } from './measures/distance.ts';
import { HandshakeMeasure } from './measures/handshake.ts';
import { HeadOfLineMeasure } from './measures/head-of-line.ts';
import { IdleMeasure } from './measures/idle.ts';
import type { Measure, MeasurePlace } from './measures/measure.ts';
import { MessagesMeasure } from './measures/messages.ts';
import { RequestsMeasure } from './measures/requests.ts';
import type { MeasureKind } from './scenario.ts';

const MEASURES: Readonly<Record<MeasureKind, (place: MeasurePlace) => Measure>> = {
  requests: (place) => new RequestsMeasure(place),
  handshake: (place) => new HandshakeMeasure(place),
  idle: (place) => new IdleMeasure(place),
  'head-of-line': (place) => new HeadOfLineMeasure(place),
  distance: (place) => new DistanceMeasure(place),
  messages: ({ scenario, seconds }) => new MessagesMeasure(scenario, seconds),
};

export function measureOf(place: MeasurePlace): Measure {
  const { kind } = place.scenario;
  if (kind === 'propagation') throw new Error('no engine is measured by propagation');
  return MEASURES[kind](place);
}
