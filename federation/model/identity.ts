/**
 * SPIFFE identities (SPIFFE-ID and X.509-SVID standards), parsed by their own grammar: never with `URL`, which
 * repairs what must be refused.
 */

/** A SPIFFE trust domain, e.g. `west.mesh.example`: 1 to 255 characters of `[a-z0-9._-]`. */
export type TrustDomain = string;

/** A whole SPIFFE ID, e.g. `spiffe://west.mesh.example/ns/shop/sa/cart`, already checked. */
export interface SpiffeId {
  readonly text: string;
  readonly trustDomain: TrustDomain;
  /** Begins with a slash; never empty for a workload. */
  readonly path: string;
}

export class IdentityError extends Error {
  override readonly name = 'IdentityError';
}

const SCHEME = 'spiffe://';
const MAX_ID_BYTES = 2048;
const MAX_TRUST_DOMAIN_BYTES = 255;
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
const SEGMENT = /^[a-zA-Z0-9._-]+$/;

/** @throws IdentityError naming the rule that was broken. */
export function parseTrustDomain(text: string): TrustDomain {
  if (text.length === 0) throw new IdentityError('trust domain is empty');
  if (text.length > MAX_TRUST_DOMAIN_BYTES) throw new IdentityError('trust domain is longer than 255 bytes');
  if (!TRUST_DOMAIN.test(text)) {
    throw new IdentityError(`trust domain ${JSON.stringify(text)} has characters other than a-z 0-9 . _ -`);
  }
  return text;
}

/**
 * Parses a workload's SPIFFE ID: trust domain and a path of at least one segment.
 * @throws IdentityError naming the rule that was broken.
 */
export function parseSpiffeId(text: string): SpiffeId {
  if (text.length > MAX_ID_BYTES) throw new IdentityError('SPIFFE ID is longer than 2048 bytes');
  if (!text.startsWith(SCHEME)) throw new IdentityError('SPIFFE ID does not begin with spiffe://');
  const slash = text.indexOf('/', SCHEME.length);
  if (slash < 0) throw new IdentityError('SPIFFE ID has no path: it names a trust domain, not a workload');
  const trustDomain = parseTrustDomain(text.slice(SCHEME.length, slash));
  for (const segment of text.slice(slash + 1).split('/')) checkSegment(segment);
  return { text, trustDomain, path: text.slice(slash) };
}

function checkSegment(segment: string): void {
  if (segment === '') throw new IdentityError('SPIFFE ID has an empty path segment');
  if (segment === '.' || segment === '..') throw new IdentityError('SPIFFE ID has a relative path segment');
  if (!SEGMENT.test(segment)) {
    throw new IdentityError('SPIFFE ID has a path character other than letters, digits, . _ -');
  }
}

export function isTrustDomain(text: string): boolean {
  try {
    parseTrustDomain(text);
    return true;
  } catch (failure) {
    if (failure instanceof IdentityError) return false;
    throw failure;
  }
}

/** `west` of clusterset `mesh.example` → `west.mesh.example`. */
export function clusterTrustDomain(cluster: string, clusterset: string): TrustDomain {
  return parseTrustDomain(`${cluster}.${clusterset}`);
}

/** Whether a cluster of this name can have a trust domain: a long name in a long clusterset cannot. */
export function fitsTrustDomain(cluster: string, clusterset: string): boolean {
  return cluster.length + 1 + clusterset.length <= MAX_TRUST_DOMAIN_BYTES;
}

export function gatewayId(trustDomain: TrustDomain): SpiffeId {
  return parseSpiffeId(`${SCHEME}${trustDomain}/isthmus/gateway`);
}

export function federationId(trustDomain: TrustDomain): SpiffeId {
  return parseSpiffeId(`${SCHEME}${trustDomain}/isthmus/federation`);
}

/**
 * Kubernetes' convention, as SPIRE's and Istio's: `/ns/<namespace>/sa/<service account>`.
 * @throws IdentityError also for a name that would be more than one segment.
 */
export function workloadId(trustDomain: TrustDomain, namespace: string, serviceAccount: string): SpiffeId {
  checkSegment(namespace);
  checkSegment(serviceAccount);
  return parseSpiffeId(`${SCHEME}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
}

/** The DNS name that a gateway's SVID carries for clients that check names. */
export function gatewayDnsName(trustDomain: TrustDomain): string {
  return `gateway.${trustDomain}`;
}
