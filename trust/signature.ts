import { type KeyObject, verify } from 'node:crypto';
import { DerError, DerReader, readObjectIdentifier, TAG } from './der.ts';

/** A signature algorithm that certificates and requests may use: none with SHA-1, none with parameters. */
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
