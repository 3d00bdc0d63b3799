import { isDnsLabel } from '../federation/model/cluster.ts';
import {
  clusterTrustDomain,
  IdentityError,
  parseTrustDomain,
  type TrustDomain,
} from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';

/**
 * `west` of `mesh.example` → `west.mesh.example`. Stricter than SPIFFE: both become parts of DNS names.
 * @throws UserError (wrong usage)
 */
export function memberTrustDomain(cluster: string, clusterset: string): TrustDomain {
  if (!isDnsLabel(cluster)) {
    throw new UserError(`cluster ${JSON.stringify(cluster)}: must be 1 to 63 of a-z 0-9 -`, {
      hint: 'for example west: the clusterset is not a part of it',
      exitCode: 2,
    });
  }
  return asUsage(() => clusterTrustDomain(cluster, parseClusterset(clusterset)));
}

/** @throws UserError (wrong usage) unless it is a DNS domain, e.g. `mesh.example`. */
export function parseClusterset(text: string): TrustDomain {
  if (text.split('.').every(isDnsLabel)) return asUsage(() => parseTrustDomain(text));
  throw new UserError(`clusterset ${JSON.stringify(text)}: is not a DNS domain in lower case`, {
    hint: 'for example mesh.example',
    exitCode: 2,
  });
}

/** `west.mesh.example` → `mesh.example`: a cluster's name has no dots. */
export function clustersetOfMember(trustDomain: TrustDomain): TrustDomain {
  return trustDomain.slice(trustDomain.indexOf('.') + 1);
}

function asUsage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (failure) {
    if (!(failure instanceof IdentityError)) throw failure;
    throw new UserError(failure.message, { hint: 'choose shorter names', exitCode: 2, cause: failure });
  }
}
