import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { SpiffeId } from '../federation/model/identity.ts';
import { parseCertificate } from './certificate.ts';
import { spkiOf } from './key.ts';
import { checkLeafRules } from './leaf.ts';
import { certificatesFromPem, certificatesToPem } from './pem.ts';
import { SvidError } from './svid-error.ts';

/** An X.509-SVID of our own, with its key. Never log it or put it into an error. */
export interface Svid {
  readonly id: SpiffeId;
  /** Leaf, then intermediates, without the root. */
  readonly certificateChainPem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
  /** Lower-case hexadecimal. */
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * Joins a chain (leaf first) and its key. Who signed it is not checked here: it is our own.
 * @throws SvidError when the leaf breaks a rule of SPIFFE, is not valid at `nowMs`, or belongs to another key.
 */
export function svidFromChain(chainDer: readonly Uint8Array[], privateKeyPem: string, nowMs: number): Svid {
  const [leafDer] = chainDer;
  if (leafDer === undefined) throw new SvidError('no-certificate', 'there is no certificate');
  const leaf = parseCertificate(leafDer);
  const id = checkLeafRules(leaf, nowMs);
  const key = readPrivateKey(privateKeyPem);
  if (!Buffer.from(spkiOf(createPublicKey(key))).equals(leaf.spki)) {
    throw new SvidError('unexpected-identity', 'certificate and key do not belong together');
  }
  return {
    id,
    certificateChainPem: certificatesToPem(chainDer),
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    serial: leaf.serial,
    notBeforeMs: leaf.notBeforeMs,
    notAfterMs: leaf.notAfterMs,
  };
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // Without OpenSSL's words: they could repeat a part of the key.
    throw new SvidError('malformed', 'the private key cannot be read');
  }
}

/** As `svidFromChain`, from PEM. @throws also PemError. */
export function svidFromPem(chainPem: string, privateKeyPem: string, nowMs: number): Svid {
  return svidFromChain(certificatesFromPem(chainPem), privateKeyPem, nowMs);
}
