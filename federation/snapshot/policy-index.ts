import type { AccessPolicy, AccessTarget, ObjectSource, ProviderProblem } from '../../clusters/provider.ts';
import { type AccessRule, DEFAULT_FAILOVER_POLICY, type FailoverPolicy } from '../model/policy.ts';
import { type ServiceKey, type ServiceName, serviceKey } from '../model/service.ts';
import { DEFAULT_TRAFFIC_POLICY, type TrafficPolicy } from '../model/traffic-policy.ts';

export interface PolicySources {
  /** By `kind/namespace/name`, the oldest first. */
  readonly failoverPolicies: ReadonlyMap<string, FailoverPolicy>;
  readonly trafficPolicies: ReadonlyMap<string, TrafficPolicy>;
  readonly accessPolicies: ReadonlyMap<string, AccessPolicy>;
  readonly sourceOf?: (id: string) => ObjectSource | undefined;
}

/** A policy that does not hold for one of its targets, because an older one of its kind does. */
export interface PolicyConflict {
  /** `kind/namespace/name` of the one that does not hold. */
  readonly id: string;
  readonly target: ServiceKey;
  /** `namespace/name` of the one that holds. */
  readonly winner: string;
  /** The field of the loser that holds nevertheless. */
  readonly part: string | undefined;
}

const NO_RULES: readonly AccessRule[] = [];

/**
 * Which policies hold for which service. Two FailoverPolicies or two TrafficPolicies of one service: the older holds, of
 * two of one age the first by namespace and name (GEP-713). AccessPolicies of one service add up, in the order of their names.
 * TLS to pods holds whichever TrafficPolicy asks for it: a second one must not lead requests into plaintext.
 */
export class PolicyIndex {
  readonly #failover = new Map<ServiceKey, FailoverPolicy>();
  readonly #traffic = new Map<ServiceKey, TrafficPolicy>();
  /** By service, by namespace (`shop/*`), and for every service (`*`). */
  readonly #access = new Map<string, AccessRule[]>();
  readonly conflicts: readonly PolicyConflict[];
  readonly problems: readonly ProviderProblem[];

  constructor(sources: PolicySources) {
    this.conflicts = [
      ...attach(sources.failoverPolicies, this.#failover),
      ...attach(sources.trafficPolicies, this.#traffic, withTls),
    ];
    this.problems = this.conflicts.map((conflict) => asProblem(conflict, sources.sourceOf?.(conflict.id)));
    for (const [, { target, rules }] of [...sources.accessPolicies].sort(byName)) {
      const scope = scopeOf(target);
      this.#access.set(scope, [...(this.#access.get(scope) ?? []), ...rules]);
    }
  }

  failoverOf(key: ServiceKey): FailoverPolicy {
    return this.#failover.get(key) ?? DEFAULT_FAILOVER_POLICY;
  }

  trafficOf(key: ServiceKey): TrafficPolicy {
    return this.#traffic.get(key) ?? DEFAULT_TRAFFIC_POLICY;
  }

  accessOf(key: ServiceKey): readonly AccessRule[] {
    const scopes = [key, `${key.slice(0, key.indexOf('/'))}/*`, '*'];
    const [first, ...others] = scopes.flatMap((scope) => this.#access.get(scope) ?? []);
    return first === undefined ? NO_RULES : [first, ...others];
  }
}

interface Attached {
  readonly name: string;
  readonly namespace: string;
  readonly targets: readonly ServiceName[];
}

/** Of a second policy for a service: what holds then, and which part of the second that is. */
type Join<P> = (first: P, second: P) => { readonly policy: P; readonly part: keyof P & string } | undefined;

const withTls: Join<TrafficPolicy> = (first, { upstreamTls }) =>
  first.upstreamTls !== undefined || upstreamTls === undefined
    ? undefined
    : { policy: { ...first, upstreamTls }, part: 'upstreamTls' };

/** Gives each target its policy. @returns what came too late */
function attach<P extends Attached>(
  policies: ReadonlyMap<string, P>,
  byService: Map<ServiceKey, P>,
  join: Join<P> = () => undefined,
): PolicyConflict[] {
  const conflicts: PolicyConflict[] = [];
  for (const [id, policy] of policies) {
    for (const target of policy.targets) {
      const key = serviceKey(target);
      const other = byService.get(key);
      // That it names a target twice, as Service and as ServiceImport, is no conflict.
      if (other === undefined || isSame(other, policy)) {
        byService.set(key, other ?? policy);
        continue;
      }
      const joined = join(other, policy);
      if (joined !== undefined) byService.set(key, joined.policy);
      conflicts.push({ id, target: key, winner: `${other.namespace}/${other.name}`, part: joined?.part });
    }
  }
  return conflicts;
}

function isSame(one: Attached, other: Attached): boolean {
  return one.namespace === other.namespace && one.name === other.name;
}

function asProblem(
  { id, target, winner, part }: PolicyConflict,
  source: ObjectSource | undefined,
): ProviderProblem {
  const kind = id.slice(0, id.indexOf('/'));
  const also = part === undefined ? '' : `; of this one its ${part} holds`;
  return {
    where: source?.where ?? id,
    message: `${id}: ${target} already has ${kind} ${winner}, which is older and holds${also}`,
    hint: `name each service in one ${kind} only`,
  };
}

function scopeOf({ namespace, name }: AccessTarget): string {
  if (namespace === undefined) return '*';
  return name === undefined ? `${namespace}/*` : serviceKey({ namespace, name });
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
