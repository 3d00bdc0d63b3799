import { type Certificate, publicKeyOf } from './certificate.ts';
import { KEY_USAGE } from './extensions.ts';
import { checkNoUnknownCritical, checkValidity } from './leaf.ts';
import { nameConstraintsProblem } from './name-constraints.ts';
import { verifySignature } from './signature.ts';
import { SvidError } from './svid-error.ts';

/** Leaf and intermediates together, without the root. */
export const MAX_CHAIN_CERTIFICATES = 4;

/**
 * Follows a chain, in the order in which it was sent, from the leaf up to one of the roots (RFC 5280 section 6,
 * without policies). A root at the end of what was sent is allowed and not used: trust comes from `roots` alone.
 * @param chain what came after the leaf
 * @returns the certificates that vouch for the leaf, nearest first, the root last.
 * @throws SvidError naming the broken rule.
 */
export function verifyChain(
  leaf: Certificate,
  chain: readonly Certificate[],
  roots: readonly Certificate[],
  nowMs: number,
): readonly Certificate[] {
  const intermediates = withoutRoot(chain, roots);
  if (intermediates.length >= MAX_CHAIN_CERTIFICATES) {
    throw new SvidError('chain-too-long', `chain has more than ${MAX_CHAIN_CERTIFICATES} certificates`);
  }
  let subject = leaf;
  for (const issuer of intermediates) {
    checkIssued(subject, issuer);
    subject = issuer;
  }
  const issuers = [...intermediates, findRoot(subject, roots)];
  issuers.forEach((issuer, depth) => {
    checkAuthority(issuer, depth, nowMs);
    checkNames([leaf, ...issuers.slice(0, depth)], issuer);
  });
  return issuers;
}

function withoutRoot(chain: readonly Certificate[], roots: readonly Certificate[]): readonly Certificate[] {
  const last = chain.at(-1);
  const isRoot = last !== undefined && roots.some((root) => Buffer.from(root.der).equals(last.der));
  return isRoot ? chain.slice(0, -1) : chain;
}

function findRoot(subject: Certificate, roots: readonly Certificate[]): Certificate {
  const named = roots.filter((root) => couldIssue(root, subject));
  if (named.length === 0)
    throw new SvidError('untrusted-root', 'chain does not end at a root of its trust domain');
  const root = named.find((candidate) => isSignedBy(subject, candidate));
  if (root === undefined) throw new SvidError('bad-signature', 'a root of that name did not sign the chain');
  return root;
}

function checkIssued(subject: Certificate, issuer: Certificate): void {
  if (!couldIssue(issuer, subject))
    throw new SvidError('broken-chain', 'a certificate does not name the next as its issuer');
  if (!isSignedBy(subject, issuer))
    throw new SvidError('bad-signature', 'a certificate is not signed by the next');
}

/** Names match, and key identifiers where both are there. */
function couldIssue(issuer: Certificate, subject: Certificate): boolean {
  if (!Buffer.from(subject.issuer).equals(issuer.subject)) return false;
  const { authorityKeyId } = subject.extensions;
  const { subjectKeyId } = issuer.extensions;
  return (
    authorityKeyId === undefined ||
    subjectKeyId === undefined ||
    Buffer.from(authorityKeyId).equals(subjectKeyId)
  );
}

function isSignedBy(subject: Certificate, issuer: Certificate): boolean {
  return verifySignature(subject.signatureAlgorithm, publicKeyOf(issuer), subject.tbs, subject.signature);
}

/** @param depth how many authorities stand between this one and the leaf. */
function checkAuthority(issuer: Certificate, depth: number, nowMs: number): void {
  const { basicConstraints, keyUsage, unknownCritical } = issuer.extensions;
  if (basicConstraints?.ca !== true) throw new SvidError('issuer-is-not-ca', 'an issuer is not an authority');
  if (!keyUsage?.has(KEY_USAGE.keyCertSign)) {
    throw new SvidError('issuer-may-not-sign', 'an issuer lacks key usage keyCertSign');
  }
  if (basicConstraints.pathLength !== undefined && depth > basicConstraints.pathLength) {
    throw new SvidError(
      'path-length',
      `an issuer allows ${basicConstraints.pathLength} authorities below it`,
    );
  }
  checkNoUnknownCritical(unknownCritical);
  checkValidity(issuer, nowMs);
}

function checkNames(below: readonly Certificate[], issuer: Certificate): void {
  const constraints = issuer.extensions.nameConstraints;
  if (constraints === undefined) return;
  for (const certificate of below) {
    const problem = nameConstraintsProblem(certificate, constraints);
    if (problem !== undefined) throw new SvidError('name-constraints', problem);
  }
}
