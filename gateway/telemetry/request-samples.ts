import { REQUEST_FAILURES } from '../../federation/model/errors.ts';
import { flagsText } from '../../federation/model/marks.ts';
import { METRICS } from '../../federation/model/metrics.ts';
import type { MeterTable } from './meter-table.ts';
import { addHistogram, type MetricFamily, metricFamily } from './metric-family.ts';
import type { PairCells, RouteMeters } from './route-meters.ts';

const DURATION_BOUNDS: readonly number[] = METRICS.requestDuration.buckets ?? [];

type RequestFamilies = Readonly<
  Record<
    | 'requests'
    | 'requestDuration'
    | 'requestBytes'
    | 'responseBytes'
    | 'retries'
    | 'redispatches'
    | 'tcpConnectionsOpen',
    MetricFamily
  >
>;

/** Turns what a worker has counted into metrics; called for a scrape, never on a request's path. */
export function requestSamples(table: MeterTable): MetricFamily[] {
  const families: RequestFamilies = {
    requests: metricFamily('requests'),
    requestDuration: metricFamily('requestDuration'),
    requestBytes: metricFamily('requestBytes'),
    responseBytes: metricFamily('responseBytes'),
    retries: metricFamily('retries'),
    redispatches: metricFamily('redispatches'),
    tcpConnectionsOpen: metricFamily('tcpConnectionsOpen'),
  };
  for (const meters of table.all()) for (const pair of meters.pairs) addPair(families, meters, pair);
  return [...Object.values(families), rejectedSamples(table), connectionSamples(table)];
}

function addPair(families: RequestFamilies, meters: RouteMeters, pair: PairCells): void {
  const base = {
    source_cluster: pair.source,
    destination_cluster: pair.destination ?? '',
    destination_service: meters.service?.name ?? '',
    destination_namespace: meters.service?.namespace ?? '',
  };
  for (const [protocol, cells] of pair.protocols) {
    for (const { status, failure, marks, count } of cells.outcomes) {
      const flags = flagsText(failure === undefined ? undefined : REQUEST_FAILURES[failure].flag, marks);
      families.requests.values.push({ labels: { ...base, protocol, code: status, flags }, value: count });
    }
    addHistogram(families.requestDuration, DURATION_BOUNDS, { ...base, protocol }, cells.duration);
  }
  families.requestBytes.values.push({ labels: base, value: pair.requestBytes });
  families.responseBytes.values.push({ labels: base, value: pair.responseBytes });
  for (const [result, value] of pair.retries) {
    families.retries.values.push({ labels: { ...base, result }, value });
  }
  if (pair.redispatches > 0) families.redispatches.values.push({ labels: base, value: pair.redispatches });
  if (pair.tcpOpen > 0 || pair.protocols.has('tcp')) {
    families.tcpConnectionsOpen.values.push({ labels: base, value: pair.tcpOpen });
  }
}

function rejectedSamples(table: MeterTable): MetricFamily {
  const family = metricFamily('rejected');
  for (const [reason, value] of table.rejected) family.values.push({ labels: { reason }, value });
  return family;
}

function connectionSamples(table: MeterTable): MetricFamily {
  const family = metricFamily('connectionsOpen');
  for (const [listener, value] of table.connectionsOpen) family.values.push({ labels: { listener }, value });
  return family;
}
