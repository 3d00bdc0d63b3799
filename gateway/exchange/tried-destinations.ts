import type { ClusterName } from '../../federation/model/cluster.ts';
import type { LocalDestination, Tried, TrunkDestination } from '../routing/destination.ts';
import type { LocalEndpoint } from '../routing/local-endpoint.ts';
import type { AttemptFailure } from './decision.ts';

const BROKE: readonly AttemptFailure['kind'][] = ['connection-lost', 'refused', 'status', 'reset', 'timeout'];

/** Where a request was already. What said "not here" is never asked again, what broke only when nothing else is left. */
export class TriedDestinations implements Tried {
  readonly clusters: ClusterName[] = [];
  readonly endpoints: LocalEndpoint[] = [];
  #brokenClusters: ClusterName[] = [];
  #brokenEndpoints: LocalEndpoint[] = [];

  add(destination: LocalDestination | TrunkDestination, failure: AttemptFailure): void {
    const broke = BROKE.includes(failure.kind);
    if (destination.kind === 'trunk') {
      this.clusters.push(destination.cluster);
      if (broke) this.#brokenClusters.push(destination.cluster);
    } else {
      this.endpoints.push(destination.endpoint);
      if (broke) this.#brokenEndpoints.push(destination.endpoint);
    }
  }

  /** A retry has waited: whatever was tried may be asked again when nothing else is left. */
  forgiveAfterBackoff(): void {
    this.#brokenClusters = [...this.clusters];
    this.#brokenEndpoints = [...this.endpoints];
  }

  /** Lets what broke be tried again. False when there was nothing of the kind. */
  forgiveBroken(): boolean {
    if (this.#brokenClusters.length === 0 && this.#brokenEndpoints.length === 0) return false;
    remove(this.clusters, this.#brokenClusters);
    remove(this.endpoints, this.#brokenEndpoints);
    this.#brokenClusters = [];
    this.#brokenEndpoints = [];
    return true;
  }
}

function remove<T>(from: T[], those: readonly T[]): void {
  const left = from.filter((entry) => !those.includes(entry));
  from.splice(0, from.length, ...left);
}
