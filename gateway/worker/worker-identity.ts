import type { ClusterName } from '../../federation/model/cluster.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { bundlesFingerprint, type TrustBundles } from '../../trust/bundle.ts';
import type { Svid } from '../../trust/svid.ts';
import type { TlsIdentity } from '../listener/tls-port.ts';

/** Whom a worker is and whom it believes, out of its SVID and its snapshot. */
export class WorkerIdentity {
  readonly #changed: (identity: TlsIdentity) => void;
  #svid: Svid | undefined;
  #bundles: TrustBundles | undefined;
  #clusters: ReadonlyMap<TrustDomain, ClusterName> = new Map();
  #credentials: TlsIdentity | undefined;

  /** `changed` is told when handshakes are to go by another identity. */
  constructor(changed: (identity: TlsIdentity) => void) {
    this.#changed = changed;
  }

  /** The same object until SVID or bundles change; undefined until both are there. */
  get credentials(): TlsIdentity | undefined {
    return this.#credentials;
  }

  useSvid(svid: Svid): void {
    this.#svid = svid;
    this.#update();
  }

  useSnapshot(snapshot: RoutingSnapshot): void {
    const { peers, trustBundles } = snapshot;
    const members = [...peers.values()].filter(({ reach }) => reach !== 'left');
    this.#clusters = new Map(members.map(({ trustDomain, cluster }) => [trustDomain, cluster]));
    if (this.#bundles !== undefined && sameBundles(this.#bundles, trustBundles)) return;
    this.#bundles = trustBundles;
    this.#update();
  }

  clusterOf(trustDomain: TrustDomain): ClusterName | undefined {
    return this.#clusters.get(trustDomain);
  }

  #update(): void {
    if (this.#svid === undefined || this.#bundles === undefined) return;
    this.#credentials = { svid: this.#svid, bundles: this.#bundles };
    this.#changed(this.#credentials);
  }
}

/** Sessions are resumed only under the same bundles: equal ones must not end them. */
function sameBundles(left: TrustBundles, right: TrustBundles): boolean {
  return left === right || Buffer.compare(bundlesFingerprint(left), bundlesFingerprint(right)) === 0;
}
