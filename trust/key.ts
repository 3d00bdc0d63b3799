import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generate,
  type KeyObject,
  type webcrypto,
} from 'node:crypto';
import { promisify } from 'node:util';

/** A key of our own: PKCS#8 and SPKI as PEM. */
export interface KeyPair {
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
}

const generateAsync = promisify(generate);

/** A new ECDSA P-256 key. */
export async function generateKeyPair(): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateAsync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { privateKeyPem: privateKey, publicKeyPem: publicKey };
}

/** The pair of a private key. @throws when the text is not a private key. */
export function keyPairOf(privateKeyPem: string): KeyPair {
  const publicKey = createPublicKey(createPrivateKey(privateKeyPem));
  return { privateKeyPem, publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}

/** SubjectPublicKeyInfo, DER. */
export function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: 'spki', format: 'der' }));
}

/** True when the private key belongs to this SubjectPublicKeyInfo. */
export function keyMatches(privateKeyPem: string, spkiDer: Uint8Array): boolean {
  return Buffer.from(spkiOf(createPublicKey(createPrivateKey(privateKeyPem)))).equals(spkiDer);
}

/** A public key as WebCrypto takes it: ECDSA P-256 or P-384, or RSA. */
export function publicCryptoKey(publicKeyPem: string): webcrypto.CryptoKey {
  const key = createPublicKey(publicKeyPem);
  if (key.asymmetricKeyType === 'rsa') {
    return key.toCryptoKey({ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify']);
  }
  const namedCurve = key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256';
  return key.toCryptoKey({ name: 'ECDSA', namedCurve }, true, ['verify']);
}
