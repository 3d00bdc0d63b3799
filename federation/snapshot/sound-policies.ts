import { NO_FILTERS, type RouteRule, type ServiceRoute } from '../model/mesh-route.ts';
import { type AccessRule, DEFAULT_FAILOVER_POLICY, EVERY_REQUEST } from '../model/policy.ts';
import { type ServiceKey, serviceKey } from '../model/service.ts';
import type { SnapshotService } from '../model/snapshot.ts';
import { DEFAULT_TRAFFIC_POLICY, type TrafficPolicy } from '../model/traffic-policy.ts';
import { serviceFault } from '../wire/service-fields.ts';

/** A policy or a route that does not hold for a service, because gateways would refuse it. */
export interface PolicyFault {
  /** `kind/namespace/name` */
  readonly id: string;
  readonly target: ServiceKey;
  readonly fault: string;
}

export interface SoundService {
  readonly service: SnapshotService;
  readonly faults: readonly PolicyFault[];
}

const NOBODY: readonly AccessRule[] = [{ action: 'deny', ...EVERY_REQUEST }];
/** Where it is not known how pods are spoken to, nothing is sent to them. */
const REFUSED: TrafficPolicy = {
  ...DEFAULT_TRAFFIC_POLICY,
  faultInjection: {
    headers: [],
    delay: undefined,
    abort: { httpStatus: 503, grpcStatus: undefined, percentage: 100 },
  },
};
const MAX_FAULT_LENGTH = 500;

type Parts = Partial<Pick<SnapshotService, 'failover' | 'traffic' | 'access' | 'routes'>>;
/** Why gateways would refuse a service with these parts alone. */
type FaultOf = (parts: Parts) => string | undefined;

/**
 * A service that gateways would refuse, with what they would take in place of its policies and routes: of a policy what they
 * have, of a route 500 for what its rule matches. undefined where it is the service itself that they would refuse.
 * @param served the version that they have
 */
export function withSoundPolicies(
  service: SnapshotService,
  served: SnapshotService | undefined,
): SoundService | undefined {
  const { routes = [], ...rest } = service;
  const bare = { ...rest, failover: DEFAULT_FAILOVER_POLICY, traffic: DEFAULT_TRAFFIC_POLICY, access: [] };
  if (serviceFault(bare) !== undefined) return undefined;
  const faultOf: FaultOf = (parts) => serviceFault({ ...bare, offers: [], endpoints: [], ...parts });
  const faults: PolicyFault[] = [];
  const tell = (ids: Iterable<string>, fault: string): void => {
    for (const id of ids)
      faults.push({ id, target: serviceKey(service.service), fault: fault.slice(0, MAX_FAULT_LENGTH) });
  };
  const policies = {
    ...soundFailover(service, served, faultOf, tell),
    ...soundTraffic(service, served, faultOf, tell),
  };
  const access = soundAccess(service, served, faultOf, tell);
  const kept = routes.flatMap((route) => soundRoute(route, faultOf, tell));
  const together = kept.length === 0 ? undefined : faultOf({ routes: kept });
  if (together !== undefined) tell(kept.map(idOfRoute), together);
  const governed = kept.length === 0 || together !== undefined ? {} : { routes: kept };
  return { service: { ...bare, ...policies, ...access, ...governed }, faults };
}

type Tell = (ids: Iterable<string>, fault: string) => void;

function soundFailover(
  { failover }: SnapshotService,
  served: SnapshotService | undefined,
  faultOf: FaultOf,
  tell: Tell,
): Required<Pick<Parts, 'failover'>> {
  const fault = faultOf({ failover });
  if (fault === undefined) return { failover };
  tell([`FailoverPolicy/${failover.namespace}/${failover.name}`], fault);
  const last = served?.failover;
  return { failover: last && faultOf({ failover: last }) === undefined ? last : DEFAULT_FAILOVER_POLICY };
}

/** TLS to pods holds by itself: without it requests would go in plaintext. */
function soundTraffic(
  { traffic }: SnapshotService,
  served: SnapshotService | undefined,
  faultOf: FaultOf,
  tell: Tell,
): Required<Pick<Parts, 'traffic'>> {
  const fault = faultOf({ traffic });
  if (fault === undefined) return { traffic };
  tell([`TrafficPolicy/${traffic.namespace}/${traffic.name}`], fault);
  const tlsAlone = { ...DEFAULT_TRAFFIC_POLICY, upstreamTls: traffic.upstreamTls };
  const others = served === undefined ? [tlsAlone] : [served.traffic, tlsAlone];
  return { traffic: others.find((other) => faultOf({ traffic: other }) === undefined) ?? REFUSED };
}

function soundAccess(
  { access }: SnapshotService,
  served: SnapshotService | undefined,
  faultOf: FaultOf,
  tell: Tell,
): Required<Pick<Parts, 'access'>> {
  const fault = faultOf({ access });
  if (fault === undefined) return { access };
  tell(
    new Set(access.flatMap(({ origin }) => (origin === undefined ? [] : [`AccessPolicy/${origin.policy}`]))),
    fault,
  );
  const last = served?.access;
  return { access: last && faultOf({ access: last }) === undefined ? last : NOBODY };
}

function soundRoute(route: ServiceRoute, faultOf: FaultOf, tell: Tell): readonly ServiceRoute[] {
  const fault = faultOf({ routes: [route] });
  if (fault === undefined) return [route];
  tell([idOfRoute(route)], fault);
  const isSound = (rule: RouteRule): boolean =>
    faultOf({ routes: [{ ...route, rules: [rule] }] }) === undefined;
  const rules = route.rules.flatMap((rule) => {
    if (isSound(rule)) return [rule];
    const broken = brokenRule(rule);
    return isSound(broken) ? [broken] : [];
  });
  return rules.length === 0 ? [] : [{ ...route, rules }];
}

function brokenRule(rule: RouteRule): RouteRule {
  return {
    ...rule,
    filters: NO_FILTERS,
    backends: [],
    requestTimeoutMs: undefined,
    backendRequestTimeoutMs: undefined,
    retry: undefined,
    broken: 'gateways would refuse it',
  };
}

function idOfRoute({ kind, namespace, name }: ServiceRoute): string {
  return `${kind}/${namespace}/${name}`;
}
