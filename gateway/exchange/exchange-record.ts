import type { ClusterName, LocalCluster } from '../../federation/model/cluster.ts';
import type { FailureCode } from '../../federation/model/errors.ts';
import type { Fault, FaultInjection } from '../../federation/model/fault-injection.ts';
import { MARK } from '../../federation/model/marks.ts';
import type { HeaderChanges } from '../../federation/model/mesh-route.ts';
import type { RequestTimeouts } from '../../federation/model/request-policy.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { ConnectionContext } from '../listener/connection-context.ts';
import type { CallerIdentities } from '../pipeline/caller-identities.ts';
import type { PipelineRequest, RuleAnswer } from '../pipeline/request.ts';
import { type Choice, type Destination, FIRST_TRY } from '../routing/destination.ts';
import type { RetryPlan } from '../routing/retry-plan.ts';
import type { Route } from '../routing/route.ts';
import type { CompiledBackend, CompiledRule } from '../routing/rules/compiled-rule.ts';
import type { RequestFacts } from '../telemetry/request-facts.ts';
import type { RequestProtocol, RouteMeters } from '../telemetry/route-meters.ts';

/** What one downstream connection gives to each of its requests. */
export interface Downstream {
  readonly context: ConnectionContext;
  readonly identities: CallerIdentities;
  readonly protocol: Exclude<RequestProtocol, 'grpc'>;
}

/** Where and when a record is made. */
export interface RecordPlace {
  readonly local: LocalCluster;
  /** Unix ms at monotonic 0. */
  readonly unixOffsetMs: number;
}

/** What is known of one request: filled in by the stages, counted while it runs, read by telemetry at its end. */
export abstract class ExchangeRecord implements PipelineRequest, RequestFacts {
  readonly context: ConnectionContext;
  readonly identities: CallerIdentities;
  readonly block: HeaderBlock;
  readonly connectionProtocol: RequestProtocol;

  method = '';
  authority: string | undefined = undefined;
  path: string | undefined = undefined;
  upgrade: string | undefined = undefined;
  grpc = false;
  grpcTimeout: string | undefined = undefined;
  requestId: string | undefined = undefined;
  claimedTarget: string | undefined = undefined;
  claimedCaller: string | undefined = undefined;
  claimedCallerByAddress: string | undefined = undefined;
  claimedPanic = false;
  claimedHash: string | undefined = undefined;
  locality: string | undefined = undefined;
  caller: string | undefined = undefined;
  callerByAddress: string | undefined = undefined;
  sourceCluster: ClusterName = '';
  route: Route<RouteMeters> | undefined = undefined;
  newCookie: string | undefined = undefined;
  timeouts: RequestTimeouts | undefined = undefined;
  retryPlan: RetryPlan | undefined = undefined;
  faults: FaultInjection | undefined = undefined;
  accessFinding: string | undefined = undefined;
  retryAfterMs = 0;
  fault: Fault | undefined = undefined;
  rule: CompiledRule | undefined = undefined;
  responseChanges: readonly HeaderChanges[] | undefined = undefined;
  ruleAnswer: RuleAnswer | undefined = undefined;
  mirrors: readonly CompiledBackend[] | undefined = undefined;
  choice: Choice = FIRST_TRY;
  destination: Destination | undefined = undefined;

  /** Monotonic ms. */
  readonly startedMs: number;
  durationMs = 0;
  status = 0;
  failure: FailureCode | undefined = undefined;
  requestBytes = 0;
  responseBytes = 0;
  redispatches = 0;
  retries = 0;
  marks = 0;
  upstreamTransportFailureReason: string | undefined = undefined;
  readonly #place: RecordPlace;
  /** Called when it is over. */
  protected onEnd: (() => void) | undefined = undefined;

  constructor(downstream: Downstream, block: HeaderBlock, startedMs: number, place: RecordPlace) {
    this.context = downstream.context;
    this.identities = downstream.identities;
    this.connectionProtocol = downstream.protocol;
    this.block = block;
    this.startedMs = startedMs;
    this.#place = place;
  }

  /**
   * Makes this the copy of a request that has been through the stages.
   * @param onEnd called once, when it is over
   */
  becomeCopyOf(original: ExchangeRecord, onEnd: () => void): void {
    this.method = original.method;
    this.authority = original.authority;
    this.path = original.path;
    this.grpc = original.grpc;
    this.requestId = original.requestId;
    this.caller = original.caller;
    this.callerByAddress = original.callerByAddress;
    this.sourceCluster = original.sourceCluster;
    this.marks = MARK.mirrored;
    this.onEnd = onEnd;
  }

  get protocol(): RequestProtocol {
    // Between gateways it is a CONNECT request on a trunk.
    if (this.route?.port.protocol === 'tcp') return 'tcp';
    return this.grpc ? 'grpc' : this.connectionProtocol;
  }

  get meters(): RouteMeters | undefined {
    return this.route?.telemetry;
  }

  get destinationCluster(): ClusterName | undefined {
    const { destination } = this;
    if (destination === undefined || destination.kind === 'none') return undefined;
    return destination.kind === 'trunk' ? destination.cluster : this.#place.local.name;
  }

  get startedAtMs(): number {
    return this.#place.unixOffsetMs + this.startedMs;
  }

  get target(): string | undefined {
    return this.route?.target;
  }

  get endpoint(): string | undefined {
    return this.destination?.kind === 'local' ? this.destination.endpoint.address : undefined;
  }

  get remoteAddress(): string {
    return this.context.remoteAddress;
  }

  get attempts(): number {
    return 1 + this.redispatches + this.retries;
  }
}
