import type { SecureContext } from 'node:tls';
import type { TrustBundles } from '../../trust/bundle.ts';
import { ChainCache } from '../../trust/chain-cache.ts';
import type { Svid } from '../../trust/svid.ts';
import { type PodAuthority, podSecureContext } from '../../trust/upstream-tls.ts';
import type { UpstreamTlsPlan } from '../routing/upstream-plan.ts';
import type { TrunkCredentials } from '../trunk/dialler.ts';

/** What a TLS connection to a pod is made with. */
export interface PodCredential {
  readonly authority: PodAuthority;
  readonly context: SecureContext;
}

interface Made {
  /** What of the gateway's own it was made with; undefined where the plan needs none. */
  readonly svid: Svid | undefined;
  readonly bundles: TrustBundles | undefined;
  readonly credential: PodCredential;
}

/** The TLS contexts towards pods, one per plan, made anew when this gateway's SVID or the trust bundles change. */
export class PodCredentials {
  readonly chains = new ChainCache();
  readonly #current: () => TrunkCredentials | undefined;
  readonly #made = new WeakMap<UpstreamTlsPlan, Made>();

  constructor(current: () => TrunkCredentials | undefined) {
    this.#current = current;
  }

  /** The same object while nothing changes; otherwise why there is none. */
  of(plan: UpstreamTlsPlan): PodCredential | string {
    const current = this.#current();
    const made = this.#made.get(plan);
    const svid = plan.mutual ? current?.svid : undefined;
    const bundles = plan.authorities === undefined ? current?.bundles : undefined;
    if (made !== undefined && made.svid === svid && made.bundles === bundles) return made.credential;
    const authority = authorityOf(plan, bundles);
    if (authority === undefined || (plan.mutual && svid === undefined)) {
      return 'this gateway has no SVID and trust bundles yet';
    }
    try {
      const credential = { authority, context: podSecureContext(authority, svid) };
      this.#made.set(plan, { svid, bundles, credential });
      return credential;
    } catch (failure) {
      const reason = failure instanceof Error ? failure.message : String(failure);
      return `the certificates of upstreamTls cannot be used: ${reason}`;
    }
  }
}

function authorityOf(plan: UpstreamTlsPlan, bundles: TrustBundles | undefined): PodAuthority | undefined {
  if (plan.authorities !== undefined) return { kind: 'authorities', certificates: plan.authorities };
  return bundles && { kind: 'bundles', bundles };
}
