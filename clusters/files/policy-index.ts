import type { ClusterName } from '../../federation/model/cluster.ts';
import type { AccessRule, FailoverPolicy } from '../../federation/model/policy.ts';
import { serviceKey } from '../../federation/model/service.ts';
import type { AccessPolicy, PeerRule, ProviderProblem } from '../provider.ts';
import { toAccessPolicies } from '../schema/access-policy-schema.ts';
import { toPeerRule } from '../schema/cluster-peer-schema.ts';
import { toFailoverPolicy } from '../schema/failover-policy-schema.ts';
import { createdAtMs } from '../schema/metadata.ts';
import type { Closure } from './closure.ts';
import type { FileObject } from './resource-file.ts';
import type { ResourceSet } from './resource-set.ts';

const NOBODY: AccessRule = {
  action: 'deny',
  principals: [],
  sourceClusters: [],
  methods: [],
  pathPrefixes: [],
};

/** The policies and peers of a folder. Few objects: built anew as a whole when any of them changes. */
export class PolicyIndex {
  readonly failoverPolicies = new Map<string, FailoverPolicy>();
  readonly accessPolicies = new Map<string, AccessPolicy>();
  readonly peerRules = new Map<ClusterName, PeerRule>();
  #problems: ProviderProblem[] = [];

  problems(): readonly ProviderProblem[] {
    return this.#problems;
  }

  rebuild(resources: ResourceSet): void {
    this.failoverPolicies.clear();
    this.accessPolicies.clear();
    this.peerRules.clear();
    this.#problems = [];
    const targets = new Map<string, FileObject>();
    // Gateway API's rule for conflicts (GEP-713): the oldest, then the first by name, has precedence.
    for (const object of [...resources.all()].sort(byAge)) this.#take(object, targets);
    for (const [where, closure] of resources.closures()) this.#close(where, closure);
  }

  #close(where: string, closure: Closure): void {
    if (closure.kind === 'peer') {
      this.peerRules.set(closure.cluster, { cluster: closure.cluster, allowedNamespaces: [] });
      return;
    }
    for (const [index, target] of closure.targets.entries()) {
      this.accessPolicies.set(`closed/${where}/${index}`, { target, rules: [NOBODY] });
    }
  }

  #take(object: FileObject, targets: Map<string, FileObject>): void {
    const { resource } = object;
    if (resource.kind === 'ClusterPeer') {
      this.peerRules.set(resource.metadata.name, toPeerRule(resource));
    } else if (resource.kind === 'AccessPolicy') {
      for (const policy of toAccessPolicies(resource)) {
        this.accessPolicies.set(`${object.id}/${policy.target.name}`, policy);
      }
    } else if (resource.kind === 'FailoverPolicy') {
      const policy = toFailoverPolicy(resource);
      const free = policy.targets.filter((target) => this.#claim(serviceKey(target), object, targets));
      if (free.length > 0) this.failoverPolicies.set(object.id, { ...policy, targets: free });
    }
  }

  #claim(target: string, object: FileObject, targets: Map<string, FileObject>): boolean {
    const holder = targets.get(target);
    if (holder === undefined) {
      targets.set(target, object);
      return true;
    }
    this.#problems.push({
      where: `${object.file}:${object.line}`,
      message: `${object.id}: ${target} already has ${holder.id} (${holder.file}:${holder.line}), which is older`,
      hint: 'a service has one FailoverPolicy: remove one of the two',
    });
    return false;
  }
}

function byAge(left: FileObject, right: FileObject): number {
  const age = (object: FileObject): number => createdAtMs(object.resource.metadata) ?? object.createdAtMs;
  return age(left) - age(right) || left.id.localeCompare(right.id);
}
