import type { ClusterName } from '../../federation/model/cluster.ts';
import type { BackendGrant, MeshRoute } from '../../federation/model/mesh-route.ts';
import { type AccessRule, EVERY_REQUEST, type FailoverPolicy } from '../../federation/model/policy.ts';
import type { TrafficPolicy } from '../../federation/model/traffic-policy.ts';
import type { AccessPolicy, PeerRule, ProviderChange, ProviderProblem } from '../provider.ts';
import { toAccessPolicies } from '../schema/access-policy-schema.ts';
import { toPeerRule } from '../schema/cluster-peer-schema.ts';
import { toFailoverPolicy } from '../schema/failover-policy-schema.ts';
import { toGrpcRoute } from '../schema/grpc-route-schema.ts';
import { toHttpRoute } from '../schema/http-route-schema.ts';
import { createdAtMs } from '../schema/metadata.ts';
import { toBackendGrant } from '../schema/reference-grant-schema.ts';
import type { ResourceKind } from '../schema/resource.ts';
import { toTrafficPolicy } from '../schema/traffic-policy-schema.ts';
import type { Closure } from './closure.ts';
import { type FileObject, placeOf } from './resource-file.ts';
import type { ResourceSet } from './resource-set.ts';

const NOBODY: AccessRule = { ...EVERY_REQUEST, action: 'deny' };

/** What is told to listeners when an object of a kind changed. */
export const CHANGE_OF_KIND = {
  FailoverPolicy: 'policies',
  TrafficPolicy: 'policies',
  AccessPolicy: 'policies',
  HTTPRoute: 'routes',
  GRPCRoute: 'routes',
  ReferenceGrant: 'routes',
  ClusterPeer: 'peers',
} as const satisfies Partial<Record<ResourceKind, ProviderChange['kind']>>;

const INDEXED_KINDS = Object.keys(CHANGE_OF_KIND) as (keyof typeof CHANGE_OF_KIND)[];

/** The policies, routes and peers. Few objects: built anew as a whole when any of them changes. */
export class PolicyIndex {
  readonly failoverPolicies = new Map<string, FailoverPolicy>();
  readonly trafficPolicies = new Map<string, TrafficPolicy>();
  readonly accessPolicies = new Map<string, AccessPolicy>();
  readonly peerRules = new Map<ClusterName, PeerRule>();
  readonly meshRoutes = new Map<string, MeshRoute>();
  readonly backendGrants = new Map<string, BackendGrant>();
  #problems: ProviderProblem[] = [];

  problems(): readonly ProviderProblem[] {
    return this.#problems;
  }

  rebuild(resources: ResourceSet): void {
    this.failoverPolicies.clear();
    this.trafficPolicies.clear();
    this.accessPolicies.clear();
    this.peerRules.clear();
    this.meshRoutes.clear();
    this.backendGrants.clear();
    this.#problems = [];
    const objects = INDEXED_KINDS.flatMap((kind) => [...resources.ofKind(kind)]);
    for (const object of objects.sort(byPrecedence)) this.#take(object);
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

  #take(object: FileObject): void {
    const { resource } = object;
    if (resource.kind === 'ClusterPeer') {
      this.peerRules.set(resource.metadata.name, toPeerRule(resource));
    } else if (resource.kind === 'AccessPolicy') {
      for (const policy of toAccessPolicies(resource)) {
        this.accessPolicies.set(`${object.id}/${policy.target.name}`, policy);
      }
    } else if (resource.kind === 'FailoverPolicy') {
      this.failoverPolicies.set(object.id, toFailoverPolicy(resource));
    } else if (resource.kind === 'TrafficPolicy') {
      this.trafficPolicies.set(object.id, toTrafficPolicy(resource));
    } else if (resource.kind === 'HTTPRoute') {
      this.#takeRoute(toHttpRoute(resource, object.createdAtMs), object);
    } else if (resource.kind === 'GRPCRoute') {
      this.#takeRoute(toGrpcRoute(resource, object.createdAtMs), object);
    } else if (resource.kind === 'ReferenceGrant') {
      this.backendGrants.set(object.id, toBackendGrant(resource));
    }
  }

  #takeRoute(route: MeshRoute, object: FileObject): void {
    if (route.parents.length === 0) return;
    this.meshRoutes.set(object.id, route);
    for (const { index, dropped, message } of route.problems) {
      this.#problems.push({
        where: placeOf(object),
        message: `${object.id}: rules[${index}]: ${message}`,
        hint: dropped
          ? 'the rule is left out until it is mended'
          : 'what it matches gets 500 until it is mended',
      });
    }
  }
}

/** Gateway API's rule for conflicts (GEP-713): the oldest has precedence, then the first by namespace and name. */
function byPrecedence(left: FileObject, right: FileObject): number {
  const age = (object: FileObject): number => createdAtMs(object.resource.metadata) ?? object.createdAtMs;
  return age(left) - age(right) || (left.id < right.id ? -1 : 1);
}
