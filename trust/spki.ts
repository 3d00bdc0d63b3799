import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  DerError,
  DerReader,
  readBitString,
  readObjectIdentifier,
  readSequence,
  readWhole,
  TAG,
} from './der.ts';

/** SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7: which keys are allowed, told without importing them. */

const EC = '1.2.840.10045.2.1';
const RSA = '1.2.840.113549.1.1.1';
const ED25519 = '1.3.101.112';
/** P-256, P-384 and P-521. */
const CURVES: ReadonlySet<string> = new Set(['1.2.840.10045.3.1.7', '1.3.132.0.34', '1.3.132.0.35']);
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

/**
 * True for P-256, P-384, P-521, Ed25519, and RSA of 2048 to 8192 bits.
 * @throws DerError when the bytes are no SubjectPublicKeyInfo.
 */
export function isAllowedKey(spkiDer: Uint8Array): boolean {
  const reader = new DerReader(readWhole(spkiDer, TAG.sequence).content);
  const algorithm = readSequence(reader);
  const key = readBitString(reader.expect(TAG.bitString).content);
  reader.end();
  const oid = readObjectIdentifier(algorithm.expect(TAG.objectIdentifier).content);
  if (oid === EC) {
    const curve = readObjectIdentifier(algorithm.expect(TAG.objectIdentifier).content);
    algorithm.end();
    return CURVES.has(curve);
  }
  if (oid === RSA) return isAllowedRsaKey(key);
  return oid === ED25519;
}

function isAllowedRsaKey(key: Uint8Array): boolean {
  const modulus = new DerReader(readWhole(key, TAG.sequence).content).expect(TAG.integer).content;
  const [first = 0] = modulus;
  const bits = first === 0 ? (modulus.length - 1) * 8 : modulus.length * 8 - (Math.clz32(first) - 24);
  return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS;
}

/** @throws DerError when the key is not one that can be used, e.g. a point that is not on its curve. */
export function importPublicKey(spkiDer: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spkiDer), format: 'der', type: 'spki' });
  } catch (failure) {
    throw new DerError('public key cannot be used', { cause: failure });
  }
}
