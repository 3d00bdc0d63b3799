import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DerError, DerReader, readObjectIdentifier, TAG } from './der.ts';

/** The signature algorithms that certificates and requests may use: nothing with SHA-1, no RSA-PSS parameters. */
export interface SignatureAlgorithm {
  /** Hash for node:crypto; undefined where the algorithm has its own. */
  readonly hash: 'sha256' | 'sha384' | 'sha512' | undefined;
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
}

const ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ['1.2.840.10045.4.3.2', { hash: 'sha256', keyType: 'ec' }],
  ['1.2.840.10045.4.3.3', { hash: 'sha384', keyType: 'ec' }],
  ['1.2.840.10045.4.3.4', { hash: 'sha512', keyType: 'ec' }],
  ['1.2.840.113549.1.1.11', { hash: 'sha256', keyType: 'rsa' }],
  ['1.2.840.113549.1.1.12', { hash: 'sha384', keyType: 'rsa' }],
  ['1.2.840.113549.1.1.13', { hash: 'sha512', keyType: 'rsa' }],
  ['1.3.101.112', { hash: undefined, keyType: 'ed25519' }],
]);

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

/** The algorithm of an AlgorithmIdentifier's content; undefined when it is none of the allowed ones. */
export function readSignatureAlgorithm(content: Uint8Array): SignatureAlgorithm | undefined {
  const reader = new DerReader(content);
  const algorithm = ALGORITHMS.get(readObjectIdentifier(reader.expect(TAG.objectIdentifier).content));
  if (!reader.atEnd && (reader.next().content.length > 0 || algorithm?.keyType !== 'rsa')) {
    throw new DerError('signature algorithm has parameters');
  }
  reader.end();
  return algorithm;
}

/**
 * The key of a SubjectPublicKeyInfo: P-256, P-384, P-521, Ed25519 or RSA of 2048 to 8192 bits.
 * @returns undefined for any other key and for bytes that are no key.
 */
export function readPublicKey(spkiDer: Uint8Array): KeyObject | undefined {
  const key = importSpki(spkiDer);
  if (key === undefined) return undefined;
  const details = key.asymmetricKeyDetails;
  const bits = details?.modulusLength ?? 0;
  switch (key.asymmetricKeyType) {
    case 'ec':
      return CURVES.has(details?.namedCurve ?? '') ? key : undefined;
    case 'rsa':
      return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS ? key : undefined;
    case 'ed25519':
      return key;
    default:
      return undefined;
  }
}

function importSpki(spkiDer: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spkiDer), format: 'der', type: 'spki' });
  } catch {
    // OpenSSL has a hundred ways to say that these bytes are not a key.
    return undefined;
  }
}

/** False also where key and algorithm do not belong together. */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (key.asymmetricKeyType !== algorithm.keyType) return false;
  return verify(algorithm.hash, signed, key, signature);
}
