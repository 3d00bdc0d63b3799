import { createHash } from 'node:crypto';
import type { TrustDomain } from '../../federation/model/identity.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { BundleError, parseBundle } from '../../trust/bundle.ts';

/**
 * SHA-256 of each root in a SPIFFE bundle, hex, sorted: two clustersets of one name differ here.
 * @throws UserError where it is no bundle
 */
export function rootFingerprints(bundle: string, trustDomain: TrustDomain): readonly string[] {
  try {
    return parseBundle(bundle, trustDomain)
      .rootsDer.map((der) => createHash('sha256').update(der).digest('hex'))
      .sort();
  } catch (failure) {
    if (!(failure instanceof BundleError)) throw failure;
    throw new UserError(`what the cluster trusts cannot be read: ${failure.message}`, {
      hint: 'see the log of its federation service',
      cause: failure,
    });
  }
}
