import type { ClusterName } from '../../federation/model/cluster.ts';
import type { FailureCode } from '../../federation/model/errors.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { RetryResult } from './retry-result.ts';
import type { RequestProtocol, RouteMeters } from './route-meters.ts';

/**
 * One exchange (or opaque connection) at its end. Read only while the call lasts, so the exchange itself can be
 * passed, reused ones too; what stands under "access log" is read for sampled requests alone and may be a getter.
 */
export interface RequestFacts {
  /** Of the route that was found. */
  readonly meters: RouteMeters | undefined;
  readonly protocol: RequestProtocol;
  /** This cluster for a client's request, the trunk's peer for what came on a trunk. */
  readonly sourceCluster: ClusterName;
  /** Where it was sent last; undefined when it was sent nowhere. */
  readonly destinationCluster: ClusterName | undefined;
  /** HTTP status that the client saw; 0 = none. */
  readonly status: number;
  readonly failure: FailureCode | undefined;
  /** Bits of `MARK`. */
  readonly marks: number;
  /** From the first byte of the request to the last of the response. */
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;

  // Access log.
  /** Unix ms. */
  readonly startedAtMs: number;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly authority: string | undefined;
  /** `namespace/name:port` of the route. */
  readonly target: string | undefined;
  readonly locality: string | undefined;
  readonly endpoint: string | undefined;
  /** Why a connection to the upstream could not be made, the last of several times. */
  readonly upstreamTransportFailureReason: string | undefined;
  readonly caller: string | undefined;
  /** Of a caller without a certificate. */
  readonly callerByAddress: string | undefined;
  readonly remoteAddress: string | undefined;
  readonly attempts: number;
  /** Which access rule denied it, or would have in audit mode. */
  readonly accessFinding: string | undefined;
  /** The client's `x-request-id`. */
  readonly requestId: string | undefined;
}

/** What the engine tells telemetry. Nothing here waits, throws or keeps its arguments. */
export interface RequestRecorder {
  finished(facts: RequestFacts): void;
  /** A retry ended, or there was none although the policy asks for it. */
  retried(
    meters: RouteMeters,
    source: ClusterName,
    destination: ClusterName | undefined,
    result: RetryResult,
  ): void;
  /** Sent elsewhere because it was certainly not processed, or is idempotent. */
  redispatched(meters: RouteMeters, source: ClusterName, destination: ClusterName | undefined): void;
  /** A limit or check refused something: `isthmus_rejected_total{reason}`. */
  rejected(reason: RejectionReason): void;
}
