import 'reflect-metadata';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import type { SpiffeId, TrustDomain } from '../federation/model/identity.ts';
import {
  contextTag,
  DerError,
  DerReader,
  readBitString,
  readObjectIdentifier,
  readSequence,
  readSmallInteger,
  readWhole,
  TAG,
} from './der.ts';
import { readExtensions } from './extensions.ts';
import { subjectAltName } from './issued-extensions.ts';
import { issuingKey } from './issuing-key.ts';
import { type KeyPair, publicCryptoKey } from './key.ts';
import { readSignatureAlgorithm, verifySignature } from './signature.ts';
import { importPublicKey, isAllowedKey } from './spki.ts';

/** A request (PKCS#10, RFC 2986) that cannot be accepted. */
export class CsrError extends Error {
  override readonly name = 'CsrError';
}

/** What a request asks for. Its signature was checked, so the asker holds the key; the names are only wishes. */
export interface CertificateRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
}

const MAX_REQUEST_BYTES = 16 * 1024;
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const MAX_ATTRIBUTES = 16;

/** A request for an SVID. @returns DER */
export function createCsr(request: {
  readonly keyPair: KeyPair;
  readonly id: SpiffeId;
  readonly dnsNames: readonly string[];
}): Promise<Uint8Array> {
  return createRequest(request.keyPair, request.id.text, request.dnsNames);
}

/** A request for the intermediate of a trust domain. @returns DER */
export function createIntermediateCsr(keyPair: KeyPair, trustDomain: TrustDomain): Promise<Uint8Array> {
  return createRequest(keyPair, `spiffe://${trustDomain}`, []);
}

async function createRequest(
  keyPair: KeyPair,
  uri: string,
  dnsNames: readonly string[],
): Promise<Uint8Array> {
  const { key, algorithm } = issuingKey(keyPair.privateKeyPem);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys: { privateKey: key, publicKey: publicCryptoKey(keyPair.publicKeyPem) },
    signingAlgorithm: algorithm,
    extensions: [subjectAltName(uri, dnsNames, true)],
  });
  return new Uint8Array(request.rawData);
}

/** Reads a request strictly and checks that its own key signed it. @throws CsrError, and nothing else. */
export function parseCsr(der: Uint8Array): CertificateRequest {
  if (der.length > MAX_REQUEST_BYTES) throw new CsrError('request is larger than 16 KiB');
  try {
    return readCsr(der);
  } catch (failure) {
    if (!(failure instanceof DerError)) throw failure;
    throw new CsrError(`request is malformed: ${failure.message}`, { cause: failure });
  }
}

function readCsr(der: Uint8Array): CertificateRequest {
  const outer = new DerReader(readWhole(der, TAG.sequence).content);
  const info = outer.expect(TAG.sequence);
  const algorithm = readSignatureAlgorithm(outer.expect(TAG.sequence).content);
  const signature = readBitString(outer.expect(TAG.bitString).content);
  outer.end();
  const body = new DerReader(info.content);
  if (readSmallInteger(body.expect(TAG.integer).content) !== 0) throw new DerError('not version 1');
  body.expect(TAG.sequence);
  const spki = body.expect(TAG.sequence).whole;
  const attributes = body.optional(contextTag(0, true))?.content;
  body.end();
  if (!isAllowedKey(spki) || algorithm === undefined)
    throw new CsrError('key or signature algorithm is not allowed');
  if (!verifySignature(algorithm, importPublicKey(spki), info.whole, signature))
    throw new CsrError('request is not signed by its key');
  const names = attributes === undefined ? [] : readRequestedNames(attributes);
  return {
    spki,
    uris: names.flatMap((name) => (name.kind === 'uri' ? [name.value] : [])),
    dnsNames: names.flatMap((name) => (name.kind === 'dns' ? [name.value] : [])),
  };
}

/** The names in the extension request, the one attribute (RFC 2985 section 5.4.2) that means something here. */
function readRequestedNames(attributes: Uint8Array): ReturnType<typeof readExtensions>['subjectAltNames'] {
  const reader = new DerReader(attributes);
  for (let count = 0; !reader.atEnd; count++) {
    if (count === MAX_ATTRIBUTES) throw new DerError('too many attributes');
    const attribute = readSequence(reader);
    const type = readObjectIdentifier(attribute.expect(TAG.objectIdentifier).content);
    const values = attribute.expect(TAG.set).content;
    attribute.end();
    if (type === EXTENSION_REQUEST)
      return readExtensions(readWhole(values, TAG.sequence).content).subjectAltNames;
  }
  return [];
}
