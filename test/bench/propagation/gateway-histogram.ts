import { METRICS } from '../../../federation/model/metrics.ts';

/** What a gateway itself counts of news from west, since it runs. */
export interface AllChanges {
  readonly count: number;
  readonly within150ms: number;
  readonly within1s: number;
}

/** @param text a gateway's metrics, as Prometheus reads them */
export function readAllChanges(text: string): AllChanges {
  const { name } = METRICS.propagation;
  const bucket = (bound: string): number => {
    const line = text
      .split('\n')
      .find(
        (one) => one.startsWith(`${name}_bucket{`) && one.includes('"west"') && one.includes(`le="${bound}"`),
      );
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  return { count: bucket('+Inf'), within150ms: bucket('0.15'), within1s: bucket('1') };
}
