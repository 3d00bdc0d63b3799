import { createPrivateKey, type webcrypto } from 'node:crypto';

/** A private key as WebCrypto takes it, and how it signs. */
export interface IssuingKey {
  readonly key: webcrypto.CryptoKey;
  readonly algorithm: { readonly name: string; readonly hash: string };
}

/** WebCrypto's names for the curves that may sign, with the hash that fits each. */
const CURVES: ReadonlyMap<string, { readonly namedCurve: string; readonly hash: string }> = new Map([
  ['prime256v1', { namedCurve: 'P-256', hash: 'SHA-256' }],
  ['secp384r1', { namedCurve: 'P-384', hash: 'SHA-384' }],
]);

/**
 * Takes ECDSA (P-256, P-384) and, for roots that people bring along, RSA.
 * @throws TypeError for any other kind of key.
 */
export function issuingKey(privateKeyPem: string): IssuingKey {
  const key = createPrivateKey(privateKeyPem);
  const curve = CURVES.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (curve !== undefined) {
    const { namedCurve, hash } = curve;
    return {
      key: key.toCryptoKey({ name: 'ECDSA', namedCurve }, false, ['sign']),
      algorithm: { name: 'ECDSA', hash },
    };
  }
  if (key.asymmetricKeyType === 'rsa') {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    return { key: key.toCryptoKey(algorithm, false, ['sign']), algorithm };
  }
  throw new TypeError('an issuing key must be ECDSA P-256 or P-384, or RSA');
}
