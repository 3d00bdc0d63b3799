import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { SpiffeId, TrustDomain } from '../federation/model/identity.ts';
import type { TrustBundles } from './bundle.ts';
import type { ChainCache } from './chain-cache.ts';
import { certificatesFromPem } from './pem.ts';
import { verifySignature } from './signature.ts';
import type { Svid } from './svid.ts';
import { verifySvidChain } from './svid-chain.ts';
import { SvidError } from './svid-error.ts';

/**
 * A document that one SVID signed: what a cluster says about itself through a store that nobody trusts.
 *
 * Form: `ISD1`, then five fields, each a 32-bit big-endian length and that many bytes: type (ASCII), number of
 * certificates and the certificates (DER, leaf first) as fields of their own, payload, signature. The signature is
 * ECDSA with SHA-256 (DER) over everything before it, behind a fixed context string: a document of one type never
 * passes for another, nor for anything else that the key signs.
 */

const MAGIC = Buffer.from('ISD1');
const CONTEXT = Buffer.from('isthmus signed document v1\0');
const ALGORITHM = { hash: 'sha256', keyType: 'ec' } as const;
const LENGTH_BYTES = 4;
const MAX_TYPE_BYTES = 64;
const MAX_PAYLOAD_BYTES = 1024 * 1024;
const MAX_CERTIFICATE_BYTES = 16 * 1024;
const MAX_CERTIFICATES = 5;
const MAX_SIGNATURE_BYTES = 160;
const TYPE = /^[a-z0-9./-]{1,64}$/;

/** A document that must not be believed; for a certificate's fault the cause is a SvidError. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
}

/** @param type e.g. `head`; both sides name it. */
export function signDocument(svid: Svid, type: string, payload: Uint8Array): Uint8Array {
  return documentSigner(svid, type)(payload);
}

/** For who signs many documents of a type: the SVID is read once. */
export function documentSigner(svid: Svid, type: string): (payload: Uint8Array) => Uint8Array {
  if (!TYPE.test(type)) throw new RangeError('type of a document: 1 to 64 of a-z 0-9 . / -');
  const chain = certificatesFromPem(svid.certificateChainPem);
  const head = Buffer.concat([MAGIC, field(Buffer.from(type)), Buffer.of(chain.length), ...chain.map(field)]);
  const key = createPrivateKey(svid.privateKeyPem);
  return (payload) => {
    if (payload.length > MAX_PAYLOAD_BYTES) throw new RangeError('a document holds at most 1 MiB');
    const signed = Buffer.concat([head, field(payload)]);
    const signature = sign(ALGORITHM.hash, preimage(signed), key);
    return new Uint8Array(Buffer.concat([signed, field(signature)]));
  };
}

export interface DocumentExpectation {
  readonly type: string;
  readonly bundles: TrustBundles;
  /** The signer's trust domain must be this one. */
  readonly trustDomain: TrustDomain;
  /** The signer must be exactly this one. */
  readonly requiredId?: SpiffeId;
  readonly nowMs: number;
  /** Spares the chain's signatures when the same signer comes again. */
  readonly cache?: ChainCache;
}

/**
 * Verifies chain, signer and signature.
 * @returns the payload, a view of `bytes`
 * @throws DocumentError, and nothing else.
 */
export function verifyDocument(bytes: Uint8Array, expected: DocumentExpectation): Uint8Array {
  const document = parseDocument(bytes);
  if (document.type !== expected.type) throw new DocumentError(`document is not of type ${expected.type}`);
  const signer = verifySigner(document.chain, expected);
  if (signer.id.trustDomain !== expected.trustDomain) {
    throw new DocumentError(
      `document is signed by ${signer.id.text}, which is not of ${expected.trustDomain}`,
    );
  }
  if (expected.requiredId !== undefined && signer.id.text !== expected.requiredId.text) {
    throw new DocumentError(`document is signed by ${signer.id.text} instead of ${expected.requiredId.text}`);
  }
  if (!verifySignature(ALGORITHM, signer.publicKey, preimage(document.signed), document.signature)) {
    throw new DocumentError('document was altered: its signature does not fit');
  }
  return document.payload;
}

function verifySigner(
  chain: readonly Uint8Array[],
  { cache, bundles, nowMs }: DocumentExpectation,
): { readonly id: SpiffeId; readonly publicKey: KeyObject } {
  try {
    const { id, publicKey } = cache?.verify(chain, bundles, nowMs) ?? verifySvidChain(chain, bundles, nowMs);
    return { id, publicKey };
  } catch (failure) {
    if (!(failure instanceof SvidError)) throw failure;
    throw new DocumentError(`signer of the document: ${failure.message}`, { cause: failure });
  }
}

function preimage(signed: Uint8Array): Buffer {
  return Buffer.concat([CONTEXT, signed]);
}

interface ParsedDocument {
  readonly type: string;
  readonly chain: readonly Uint8Array[];
  readonly payload: Uint8Array;
  /** Everything that the signature covers, without the context. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

function parseDocument(bytes: Uint8Array): ParsedDocument {
  const reader = new FieldReader(bytes);
  if (!MAGIC.equals(reader.take(MAGIC.length))) throw new DocumentError('not a signed document');
  const type = Buffer.from(reader.field(MAX_TYPE_BYTES)).toString('latin1');
  const [count = 0] = reader.take(1);
  if (count > MAX_CERTIFICATES) throw new DocumentError('document has too many certificates');
  const chain = Array.from({ length: count }, () => reader.field(MAX_CERTIFICATE_BYTES));
  const payload = reader.field(MAX_PAYLOAD_BYTES);
  const signed = bytes.subarray(0, reader.position);
  const signature = reader.field(MAX_SIGNATURE_BYTES);
  if (reader.position !== bytes.length) throw new DocumentError('something follows the document');
  return { type, chain, payload, signed, signature };
}

class FieldReader {
  readonly #bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    const end = this.position + length;
    if (end > this.#bytes.length) throw new DocumentError('document is cut off');
    const taken = this.#bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  field(maxBytes: number): Uint8Array {
    const prefix = this.take(LENGTH_BYTES);
    const length = Buffer.from(prefix.buffer, prefix.byteOffset, LENGTH_BYTES).readUInt32BE();
    if (length > maxBytes) throw new DocumentError('a field of the document is too large');
    return this.take(length);
  }
}

function field(content: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}
