import { AggregatorRegistry, type PrometheusContentType } from 'prom-client';
import type { MetricFamily } from './metric-family.ts';

export const METRICS_CONTENT_TYPE: PrometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * What the gateway's processes report becomes one text. The counters of a worker that ended stay in the sum:
 * otherwise each crash would look like traffic that was taken back.
 */
export class Exposition {
  readonly #lastReports = new Map<number, readonly MetricFamily[]>();
  #departed: readonly MetricFamily[] = [];

  /** The newest report of a worker, by its process id. */
  reported(worker: number, families: readonly MetricFamily[]): void {
    this.#lastReports.set(worker, families);
  }

  ended(worker: number): void {
    const last = this.#lastReports.get(worker);
    this.#lastReports.delete(worker);
    if (last === undefined) return;
    this.#departed = summed([this.#departed, last.filter(({ type }) => type !== 'gauge')]);
  }

  /** Prometheus' text format 0.0.4; `own` is what the parent itself reports. */
  async text(own: readonly MetricFamily[]): Promise<string> {
    const reports = [this.#departed, ...this.#lastReports.values(), own];
    return AggregatorRegistry.aggregate<PrometheusContentType>(
      reports.map((report) => [...report]),
    ).metrics();
  }
}

function summed(reports: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const families = new Map<
    string,
    { family: MetricFamily; values: Map<string, MetricFamily['values'][number]> }
  >();
  for (const family of reports.flat()) {
    let known = families.get(family.name);
    if (known === undefined) {
      known = { family, values: new Map() };
      families.set(family.name, known);
    }
    for (const sample of family.values) {
      const key = `${sample.metricName ?? ''} ${JSON.stringify(sample.labels)}`;
      const before = known.values.get(key)?.value ?? 0;
      known.values.set(key, { ...sample, value: before + sample.value });
    }
  }
  return [...families.values()].map(({ family, values }) => ({ ...family, values: [...values.values()] }));
}
