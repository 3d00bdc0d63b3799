import { METRICS, type MetricKey, type MetricKind } from '../../federation/model/metrics.ts';

/** One time series at one moment. `metricName` is set where it is not the family's (`…_bucket`, `…_sum`). */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** How the same series of several processes become one. */
export type Aggregator = 'sum' | 'first' | 'min' | 'max' | 'average';

/** All series of one metric of one process, in the form that prom-client aggregates and prints. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: MetricKind;
  readonly aggregator: Aggregator;
  readonly values: MetricSample[];
}

export function metricFamily(key: MetricKey, aggregator: Aggregator = 'sum'): MetricFamily {
  const { name, help, kind } = METRICS[key];
  return { name, help, type: kind, aggregator, values: [] };
}

/** Adds a histogram's series from counts per bucket, the last one for what is above all bounds. */
export function addHistogram(
  family: MetricFamily,
  bounds: readonly number[],
  labels: Readonly<Record<string, string | number>>,
  cells: { readonly buckets: Float64Array; readonly sumSeconds: number; readonly count: number },
): void {
  let cumulated = 0;
  bounds.forEach((bound, index) => {
    cumulated += cells.buckets[index] ?? 0;
    family.values.push({
      metricName: `${family.name}_bucket`,
      labels: { ...labels, le: bound },
      value: cumulated,
    });
  });
  const { count, sumSeconds } = cells;
  family.values.push(
    { metricName: `${family.name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
    { metricName: `${family.name}_sum`, labels, value: sumSeconds },
    { metricName: `${family.name}_count`, labels, value: count },
  );
}
