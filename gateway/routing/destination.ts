import type { ClusterName } from '../../federation/model/cluster.ts';
import type { FailureCode } from '../../federation/model/errors.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { Outcome } from './endpoint-runtime.ts';
import type { LocalEndpoint } from './local-endpoint.ts';
import type { TierUsage } from './tier-usage.ts';

/**
 * Where one request goes. The same objects are handed out again and again: compare and read them, keep no fields on
 * them. Call `started` when a request is sent there and `finished` when it has ended, each exactly once.
 */
export type Destination = LocalDestination | TrunkDestination | NoDestination;

export interface LocalDestination {
  readonly kind: 'local';
  readonly endpoint: LocalEndpoint;
  readonly pool: EndpointPool;
  /** undefined for what arrived on a trunk: its source gateway counted it. */
  readonly tier: TierUsage | undefined;
}

export interface TrunkDestination {
  readonly kind: 'trunk';
  readonly cluster: ClusterName;
  /** `region/zone`, for the field `isthmus-locality`. */
  readonly locality: string;
  /** Chosen without regard to health: the destination gateway must be told, or it will refuse unfit endpoints. */
  readonly panic: boolean;
  readonly tier: TierUsage;
}

export interface NoDestination {
  readonly kind: 'none';
  readonly failure: Extract<FailureCode, 'noHealthyUpstream' | 'noLocalEndpoint' | 'overflow'>;
}

export const NO_HEALTHY_UPSTREAM: NoDestination = { kind: 'none', failure: 'noHealthyUpstream' };
export const NO_LOCAL_ENDPOINT: NoDestination = { kind: 'none', failure: 'noLocalEndpoint' };
export const OVERFLOW: NoDestination = { kind: 'none', failure: 'overflow' };

/** A request goes there now: it counts as in flight. */
export function started(destination: Destination): void {
  if (destination.kind === 'none') return;
  if (destination.tier !== undefined) destination.tier.inFlight++;
  if (destination.kind === 'local') destination.endpoint.runtime.inFlight++;
}

/**
 * The request has ended in whatever way.
 * @param nowMs by the same clock as `choose`
 * @param latencyMs from its sending to the first byte of the answer, or to the failure
 */
export function finished(destination: Destination, nowMs: number, outcome: Outcome, latencyMs: number): void {
  if (destination.kind === 'none') return;
  if (destination.tier !== undefined) destination.tier.inFlight--;
  if (destination.kind === 'trunk') return;
  destination.endpoint.runtime.inFlight--;
  destination.pool.finished(destination.endpoint.runtime, nowMs, outcome, latencyMs);
}

/** What an exchange has tried already and must not get again. */
export interface Tried {
  readonly clusters: readonly ClusterName[];
  readonly endpoints: readonly LocalEndpoint[];
}

export const NOTHING_TRIED: Tried = { clusters: [], endpoints: [] };

/** What is known of a request where it is sent to. */
export interface Choice {
  readonly tried: Tried;
  /** It arrived on a trunk: only local endpoints will do (split horizon). */
  readonly localOnly: boolean;
  /** `region/zone` that the source gateway chose; undefined = any. */
  readonly locality: string | undefined;
  /** The source gateway looked past health (`TrunkDestination.panic`); only with `localOnly`. */
  readonly panic: boolean;
  /** For what must go the same way each time; undefined = take turns. An unsigned 32-bit integer. */
  readonly hash: number | undefined;
}

/** The choice of an ordinary first try from a client. */
export const FIRST_TRY: Choice = {
  tried: NOTHING_TRIED,
  localOnly: false,
  locality: undefined,
  panic: false,
  hash: undefined,
};
