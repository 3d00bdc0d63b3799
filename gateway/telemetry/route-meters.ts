import type { ClusterName } from '../../federation/model/cluster.ts';
import type { FailureCode } from '../../federation/model/errors.ts';
import { METRICS } from '../../federation/model/metrics.ts';
import type { ServiceName } from '../../federation/model/service.ts';
import { DurationCells } from './duration-cells.ts';
import type { RetryResult } from './retry-result.ts';

export type RequestProtocol = 'http1' | 'http2' | 'grpc' | 'tcp';

const BUCKETS_SECONDS: readonly number[] = METRICS.requestDuration.buckets ?? [];

/** Requests by one status and failure. */
export interface OutcomeCell {
  readonly status: number;
  readonly failure: FailureCode | undefined;
  /** Bits of `MARK`. */
  readonly marks: number;
  count: number;
}

/** What is counted for one protocol between two clusters. */
export class ProtocolCells {
  readonly duration = new DurationCells(BUCKETS_SECONDS);
  readonly outcomes: OutcomeCell[] = [];
  /** Nearly every request ends like the one before it. */
  #last: OutcomeCell | undefined;

  count(status: number, failure: FailureCode | undefined, marks: number): void {
    let cell = this.#last;
    if (cell === undefined || cell.status !== status || cell.failure !== failure || cell.marks !== marks) {
      cell = this.#outcome(status, failure, marks);
      this.#last = cell;
    }
    cell.count++;
  }

  #outcome(status: number, failure: FailureCode | undefined, marks: number): OutcomeCell {
    const known = this.outcomes.find(
      (cell) => cell.status === status && cell.failure === failure && cell.marks === marks,
    );
    if (known !== undefined) return known;
    const cell = { status, failure, marks, count: 0 };
    this.outcomes.push(cell);
    return cell;
  }
}

/** What is counted between one source cluster and one destination cluster. */
export class PairCells {
  readonly source: ClusterName;
  readonly destination: ClusterName | undefined;
  readonly protocols = new Map<RequestProtocol, ProtocolCells>();
  requestBytes = 0;
  responseBytes = 0;
  readonly retries = new Map<RetryResult, number>();
  redispatches = 0;
  tcpOpen = 0;

  constructor(source: ClusterName, destination: ClusterName | undefined) {
    this.source = source;
    this.destination = destination;
  }

  protocol(protocol: RequestProtocol): ProtocolCells {
    let cells = this.protocols.get(protocol);
    if (cells === undefined) {
      cells = new ProtocolCells();
      this.protocols.set(protocol, cells);
    }
    return cells;
  }
}

/**
 * A service's counters in plain numbers: an exchange adds to a few of them, and a scrape turns them into metrics.
 * They live as long as the service, over all snapshots.
 */
export class RouteMeters {
  /** undefined for requests that found no route. */
  readonly service: ServiceName | undefined;
  readonly pairs: PairCells[] = [];
  #last: PairCells | undefined;

  constructor(service: ServiceName | undefined) {
    this.service = service;
  }

  pair(source: ClusterName, destination: ClusterName | undefined): PairCells {
    const last = this.#last;
    if (last !== undefined && last.source === source && last.destination === destination) return last;
    let cells = this.pairs.find((pair) => pair.source === source && pair.destination === destination);
    if (cells === undefined) {
      cells = new PairCells(source, destination);
      this.pairs.push(cells);
    }
    this.#last = cells;
    return cells;
  }
}
