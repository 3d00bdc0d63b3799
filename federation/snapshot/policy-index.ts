import type { AccessPolicy, ProviderProblem } from '../../clusters/provider.ts';
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
  readonly #access = new Map<ServiceKey, AccessRule[]>();
  readonly problems: readonly ProviderProblem[];

  constructor(sources: PolicySources) {
    this.problems = [...sources.failoverPolicies]
      .sort(byName)
      .flatMap(([name, policy]) => this.#addFailover(name, policy));
    for (const [, { target, rules }] of [...sources.accessPolicies].sort(byName)) {
      const key = serviceKey(target);
      this.#access.set(key, [...(this.#access.get(key) ?? []), ...rules]);
    }
  }

  failoverOf(key: ServiceKey): FailoverPolicy {
    return this.#failover.get(key) ?? DEFAULT_FAILOVER_POLICY;
  }

  accessOf(key: ServiceKey): readonly AccessRule[] {
    return this.#access.get(key) ?? NO_RULES;
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

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
