import type { ClusterName } from '../../federation/model/cluster.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { AccessLog } from './access-log.ts';
import type { MeterTable } from './meter-table.ts';
import type { RequestFacts, RequestRecorder } from './request-facts.ts';
import type { RetryResult } from './retry-result.ts';
import type { RouteMeters } from './route-meters.ts';

/** A worker's recorder: adds to the meters, and writes the sampled ones to the access log. */
export class RequestTelemetry implements RequestRecorder {
  readonly #table: MeterTable;
  readonly #log: Pick<AccessLog, 'takes' | 'write'>;

  constructor(table: MeterTable, log: Pick<AccessLog, 'takes' | 'write'>) {
    this.#table = table;
    this.#log = log;
  }

  finished(facts: RequestFacts): void {
    const meters = facts.meters ?? this.#table.unrouted;
    const pair = meters.pair(facts.sourceCluster, facts.destinationCluster);
    pair.requestBytes += facts.requestBytes;
    pair.responseBytes += facts.responseBytes;
    const cells = pair.protocol(facts.protocol);
    cells.count(facts.status, facts.failure, facts.marks);
    cells.duration.observe(facts.durationMs / 1000);
    if (this.#log.takes()) this.#log.write(facts);
  }

  retried(
    meters: RouteMeters,
    source: ClusterName,
    destination: ClusterName | undefined,
    result: RetryResult,
  ): void {
    const { retries } = meters.pair(source, destination);
    retries.set(result, (retries.get(result) ?? 0) + 1);
  }

  redispatched(meters: RouteMeters, source: ClusterName, destination: ClusterName | undefined): void {
    meters.pair(source, destination).redispatches++;
  }

  rejected(reason: RejectionReason): void {
    this.#table.countRejected(reason);
  }
}
