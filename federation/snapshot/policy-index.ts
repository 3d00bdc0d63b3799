import type { AccessPolicy, AccessTarget, ProviderProblem } from '../../clusters/provider.ts';
import { type AccessRule, DEFAULT_FAILOVER_POLICY, type FailoverPolicy } from '../model/policy.ts';
import { type ServiceKey, type ServiceName, serviceKey } from '../model/service.ts';
import { DEFAULT_TRAFFIC_POLICY, type TrafficPolicy } from '../model/traffic-policy.ts';

export interface PolicySources {
  readonly failoverPolicies: ReadonlyMap<string, FailoverPolicy>;
  readonly trafficPolicies: ReadonlyMap<string, TrafficPolicy>;
  readonly accessPolicies: ReadonlyMap<string, AccessPolicy>;
}

const NO_RULES: readonly AccessRule[] = [];

/**
 * Which policies hold for which service. Two FailoverPolicies or two TrafficPolicies of one service: the one whose
 * name comes first holds, the other is a problem. AccessPolicies of one service add up, in the order of their names.
 * TLS to pods holds whichever TrafficPolicy asks for it: a second one must not lead requests into plaintext.
 */
export class PolicyIndex {
  readonly #failover = new Map<ServiceKey, FailoverPolicy>();
  readonly #traffic = new Map<ServiceKey, TrafficPolicy>();
  /** By service, by namespace (`shop/*`), and for every service (`*`). */
  readonly #access = new Map<string, AccessRule[]>();
  readonly problems: readonly ProviderProblem[];

  constructor(sources: PolicySources) {
    this.problems = [
      ...attach('FailoverPolicy', sources.failoverPolicies, this.#failover),
      ...attach('TrafficPolicy', sources.trafficPolicies, this.#traffic, withTls),
    ];
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

/** Gives each target its policy; what comes too late is a problem. */
function attach<P extends Attached>(
  kind: string,
  policies: ReadonlyMap<string, P>,
  byService: Map<ServiceKey, P>,
  join: Join<P> = () => undefined,
): ProviderProblem[] {
  const problems: ProviderProblem[] = [];
  for (const [name, policy] of [...policies].sort(byName)) {
    for (const target of policy.targets) {
      const key = serviceKey(target);
      const other = byService.get(key);
      if (other === undefined) {
        byService.set(key, policy);
        continue;
      }
      const joined = join(other, policy);
      if (joined !== undefined) byService.set(key, joined.policy);
      const part = joined === undefined ? '' : `; of this one its ${joined.part} holds`;
      problems.push({
        where: `${kind} ${name}`,
        message: `${key} already has ${kind} ${other.namespace}/${other.name}, which holds${part}`,
        hint: `name each service in one ${kind} only`,
      });
    }
  }
  return problems;
}

function scopeOf({ namespace, name }: AccessTarget): string {
  if (namespace === undefined) return '*';
  return name === undefined ? `${namespace}/*` : serviceKey({ namespace, name });
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
