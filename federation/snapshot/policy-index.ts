import type { AccessPolicy, AccessTarget, ProviderProblem } from '../../clusters/provider.ts';
import { type AccessRule, DEFAULT_FAILOVER_POLICY, type FailoverPolicy } from '../model/policy.ts';
import { type ServiceKey, serviceKey } from '../model/service.ts';

export interface PolicySources {
  readonly failoverPolicies: ReadonlyMap<string, FailoverPolicy>;
  readonly accessPolicies: ReadonlyMap<string, AccessPolicy>;
}

const NO_RULES: readonly AccessRule[] = [];

/**
 * Which policies hold for which service. Two FailoverPolicies of one service: the one whose name comes first holds,
 * the other is a problem. AccessPolicies of one service add up, in the order of their names.
 */
export class PolicyIndex {
  readonly #failover = new Map<ServiceKey, FailoverPolicy>();
  /** By service, by namespace (`shop/*`), and for every service (`*`). */
  readonly #access = new Map<string, AccessRule[]>();
  readonly problems: readonly ProviderProblem[];

  constructor(sources: PolicySources) {
    this.problems = [...sources.failoverPolicies]
      .sort(byName)
      .flatMap(([name, policy]) => this.#addFailover(name, policy));
    for (const [, { target, rules }] of [...sources.accessPolicies].sort(byName)) {
      const scope = scopeOf(target);
      this.#access.set(scope, [...(this.#access.get(scope) ?? []), ...rules]);
    }
  }

  failoverOf(key: ServiceKey): FailoverPolicy {
    return this.#failover.get(key) ?? DEFAULT_FAILOVER_POLICY;
  }

  accessOf(key: ServiceKey): readonly AccessRule[] {
    const scopes = [key, `${key.slice(0, key.indexOf('/'))}/*`, '*'];
    const [first, ...others] = scopes.flatMap((scope) => this.#access.get(scope) ?? []);
    return first === undefined ? NO_RULES : [first, ...others];
  }

  #addFailover(name: string, policy: FailoverPolicy): ProviderProblem[] {
    const problems: ProviderProblem[] = [];
    for (const target of policy.targets) {
      const key = serviceKey(target);
      const other = this.#failover.get(key);
      if (other === undefined) this.#failover.set(key, policy);
      else {
        problems.push({
          where: `FailoverPolicy ${name}`,
          message: `${key} already has FailoverPolicy ${other.namespace}/${other.name}, which holds`,
          hint: 'name each service in one FailoverPolicy only',
        });
      }
    }
    return problems;
  }
}

function scopeOf({ namespace, name }: AccessTarget): string {
  if (namespace === undefined) return '*';
  return name === undefined ? `${namespace}/*` : serviceKey({ namespace, name });
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
