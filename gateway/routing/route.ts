import type { FailoverPolicy } from '../../federation/model/policy.ts';
import type { ServiceKey, ServiceName } from '../../federation/model/service.ts';
import type { ServiceOffer, SnapshotPort } from '../../federation/model/snapshot.ts';
import type { HashSource } from '../../federation/model/traffic-policy.ts';
import type { CompiledAccess } from './access.ts';
import type { Balancing } from './balancing/balancer.ts';
import type { LocalEndpoint } from './local-endpoint.ts';
import type { RequestHandling } from './request-handling.ts';
import type { RouteState } from './route-state.ts';
import type { RuleSet } from './rules/rule-set.ts';
import type { UpstreamPlan } from './upstream-plan.ts';

/** `namespace/name:port name`: how a trunk names a route in the field `isthmus-service`. */
export type RouteTarget = string;

/**
 * One port of one service, compiled. Immutable but for `state`, which routing alone changes; `telemetry` is what
 * `RoutingRuntime.telemetry` made for it, such as resolved metric children.
 */
export interface Route<Telemetry = unknown> {
  readonly target: RouteTarget;
  readonly service: ServiceName;
  readonly key: ServiceKey;
  readonly port: SnapshotPort;
  /** Only rules of other services lead to it: it answers to no name and on no trunk. */
  readonly backendOnly: boolean;
  readonly failover: FailoverPolicy;
  readonly access: CompiledAccess;
  /** What else is asked of its requests; undefined = nothing. */
  readonly handling: RequestHandling | undefined;
  /** HTTPRoutes and GRPCRoutes that are attached to it; undefined = none. */
  readonly rules: RuleSet | undefined;
  /** How one of the equally fit own endpoints is chosen. */
  readonly balancing: Balancing;
  /** What a request's hash is made of; undefined = requests have none. */
  readonly hashOn: HashSource | undefined;
  readonly offers: readonly ServiceOffer[];
  /** How this cluster's endpoints are connected to. */
  readonly upstream: UpstreamPlan;
  /** This cluster's endpoints that have the port. */
  readonly endpoints: readonly LocalEndpoint[];
  readonly telemetry: Telemetry;
  readonly state: RouteState;
}

/** What a route is before telemetry has attached to it. */
export type BareRoute = Omit<Route, 'telemetry'>;

export function routeTarget(key: ServiceKey, portName: string): RouteTarget {
  return `${key}:${portName}`;
}
