import { parseTrustDomain, type TrustDomain } from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import type { TrustBundle } from './bundle.ts';
import { type Certificate, parseCertificate } from './certificate.ts';
import { verifyChain } from './chain.ts';
import { SvidError } from './svid-error.ts';

/**
 * Our intermediates carry their trust domain as a SPIFFE ID without a path (X509-SVID section 3.1).
 * @throws UserError
 */
export function trustDomainOf(path: string, intermediate: Certificate): TrustDomain {
  const [uri, ...others] = intermediate.extensions.subjectAltNames.filter((name) => name.kind === 'uri');
  if (
    uri?.kind === 'uri' &&
    others.length === 0 &&
    /^spiffe:\/\/[a-z0-9_-]+\.[a-z0-9._-]+$/.test(uri.value)
  ) {
    return parseTrustDomain(uri.value.slice('spiffe://'.length));
  }
  throw new UserError(`${path}: is not the intermediate of a cluster`, {
    hint: 'an intermediate names its trust domain, e.g. spiffe://west.mesh.example: sign it with `isthmus trust sign`',
  });
}

/**
 * Now valid, an intermediate indeed, and below a root of the bundle.
 * @returns when the chain above it ends, Unix ms
 * @throws UserError
 */
export function checkIntermediate(
  path: string,
  [intermediate, ...above]: readonly Certificate[],
  bundle: TrustBundle,
  nowMs: number,
): number {
  if (intermediate === undefined) throw new UserError(`${path}: holds no certificate`);
  checkTime(path, intermediate, nowMs);
  const isSelfIssued = Buffer.from(intermediate.issuer).equals(intermediate.subject);
  if (intermediate.extensions.basicConstraints?.ca !== true || isSelfIssued) {
    throw new UserError(`${path}: is not an intermediate, but a root or a leaf`, {
      hint: 'an intermediate is what `isthmus trust sign` prints',
    });
  }
  try {
    const roots = bundle.rootsDer.map((der) => parseCertificate(der));
    return Math.min(...verifyChain(intermediate, above, roots, nowMs).map((issuer) => issuer.notAfterMs));
  } catch (failure) {
    if (!(failure instanceof SvidError)) throw failure;
    throw new UserError(`${path}: does not lead to a root of the trusted bundle: ${failure.message}`, {
      hint: 'intermediate and bundle must come from the same clusterset: join again',
      cause: failure,
    });
  }
}

function checkTime(path: string, { notBeforeMs, notAfterMs }: Certificate, nowMs: number): void {
  if (nowMs < notBeforeMs) {
    throw new UserError(`${path}: is valid only from ${new Date(notBeforeMs).toISOString()}`, {
      hint: "check this machine's clock",
    });
  }
  if (nowMs <= notAfterMs) return;
  throw new UserError(`${path}: expired at ${new Date(notAfterMs).toISOString()}`, {
    hint: 'have a new one signed: `isthmus trust init --request`, then `isthmus trust sign` where the root is',
  });
}
