import type { ClusterName, LocalCluster } from '../../federation/model/cluster.ts';
import type { Fault, FaultInjection } from '../../federation/model/fault-injection.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';
import type { HeaderChanges } from '../../federation/model/mesh-route.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { RequestTimeouts } from '../../federation/model/request-policy.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { ConnectionContext } from '../listener/connection-context.ts';
import type { Choice, Destination } from '../routing/destination.ts';
import type { RetryPlan } from '../routing/retry-plan.ts';
import type { Route } from '../routing/route.ts';
import type { RouteTable } from '../routing/route-table.ts';
import type { CompiledBackend, CompiledRule } from '../routing/rules/compiled-rule.ts';
import type { RequestProtocol, RouteMeters } from '../telemetry/route-meters.ts';
import type { CallerIdentities } from './caller-identities.ts';
import type { ForwardingConfig } from './forwarding-config.ts';

/** What the gateway answers instead of passing a request on. */
export interface RuleAnswer {
  readonly status: number;
  /** Name, value, …: all that it has beside the status. There is no body. */
  readonly fields: readonly string[];
}

/** A request on its way through the stages. Each stage may assume what the stages above it have filled in. */
export interface PipelineRequest {
  readonly context: ConnectionContext;
  readonly identities: CallerIdentities;
  /** What the connection speaks, whatever the request carries. */
  readonly connectionProtocol: RequestProtocol;
  /** Pseudo-header fields first. The stages change it in place: it is what will be forwarded. */
  readonly block: HeaderBlock;
  /** Monotonic ms. */
  readonly startedMs: number;

  // limits
  method: string;
  authority: string | undefined;
  /** From `route` on in normal form; undefined for CONNECT. */
  path: string | undefined;
  /** The protocol that it asks to go over to, e.g. `websocket`. */
  upgrade: string | undefined;
  grpc: boolean;
  grpcTimeout: string | undefined;
  requestId: string | undefined;
  /** What the trunk's peer says; undefined for clients, whatever they say. */
  claimedTarget: string | undefined;
  claimedCaller: string | undefined;
  claimedCallerByAddress: string | undefined;
  claimedPanic: boolean;
  claimedHash: string | undefined;
  /** `region/zone` that the source gateway chose. */
  locality: string | undefined;

  // authenticate
  /** Verified SPIFFE ID; undefined = anonymous. */
  caller: string | undefined;
  /**
   * Where `caller` is not known: the SPIFFE ID that the address of the caller's pod speaks for. Proves less, so that nothing but
   * access rules that say so, rate limits and the log know of it.
   */
  callerByAddress: string | undefined;
  sourceCluster: ClusterName;

  // route
  route: Route<RouteMeters> | undefined;
  /** A `set-cookie` for the response, which brings the client to the same endpoint next time. */
  newCookie: string | undefined;
  /** Of clients' requests only, as the next two: the gateway where a request comes in sees to them. */
  timeouts: RequestTimeouts | undefined;
  retryPlan: RetryPlan | undefined;
  faults: FaultInjection | undefined;

  // authorize
  /** Which rule denies it, or would in audit mode. */
  accessFinding: string | undefined;

  // rateLimit
  /** When a refused request may come again; 0 = it was not refused. */
  retryAfterMs: number;

  // faults
  fault: Fault | undefined;

  // rules
  /** undefined = the service has none that hold for the caller. */
  rule: CompiledRule | undefined;
  /** To make of its response, in this order. */
  responseChanges: readonly HeaderChanges[] | undefined;
  /** Instead of sending it anywhere. */
  ruleAnswer: RuleAnswer | undefined;
  /** Where copies of it go. */
  mirrors: readonly CompiledBackend[] | undefined;

  // forward
  /** What the next choice must avoid; `FIRST_TRY` or one of the request's own, with its hash from `route` on. */
  choice: Choice;
  destination: Destination | undefined;
}

/** What the stages may know of the worker they run in. */
export interface PipelineEnvironment {
  readonly local: LocalCluster;
  readonly table: RouteTable<RouteMeters>;
  readonly activeRequests: number;
  readonly maxActiveRequests: number;
  readonly forwarding: ForwardingConfig;
  /** The worker holds as many bytes for slow readers as it may. */
  readonly memoryExhausted: boolean;
  /** The worker has so much to do that it takes no new requests. */
  readonly refusesRequests: boolean;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  now(): number;
  trustDomainOf(cluster: ClusterName): TrustDomain | undefined;
  rejected(reason: RejectionReason): void;
}
