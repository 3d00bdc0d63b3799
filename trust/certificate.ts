import type { KeyObject } from 'node:crypto';
import {
  checkInteger,
  contextTag,
  DerError,
  DerReader,
  readBitString,
  readObjectIdentifier,
  readSequence,
  readSmallInteger,
  readTime,
  readWhole,
  TAG,
} from './der.ts';
import { type Extensions, readExtensions } from './extensions.ts';
import { readSignatureAlgorithm, type SignatureAlgorithm } from './signature.ts';
import { importPublicKey, isAllowedKey } from './spki.ts';
import { SvidError } from './svid-error.ts';

/** An X.509 v3 certificate (RFC 5280 section 4.1), parsed strictly, nothing of it verified yet. */
export interface Certificate {
  readonly der: Uint8Array;
  /** The bytes that the signature covers. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  /** Lower-case hexadecimal, without leading zero bytes. */
  readonly serial: string;
  /** Names as DER: compared byte by byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** E-mail addresses in the subject: name constraints hold for them too. */
  readonly subjectEmails: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Uint8Array;
  readonly extensions: Extensions;
}

/** Eight times what an SVID with the longest possible ID needs. */
const MAX_CERTIFICATE_BYTES = 16 * 1024;
const MAX_SERIAL_BYTES = 21;
const VERSION_3 = 2;
const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';

/** The certified key. @throws SvidError `malformed` when it cannot be used. */
export function publicKeyOf(certificate: Certificate): KeyObject {
  return orMalformed(() => importPublicKey(certificate.spki));
}

/** @throws SvidError `too-large`, `malformed` or `weak-algorithm`, and nothing else. */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES)
    throw new SvidError('too-large', 'certificate is larger than 16 KiB');
  return orMalformed(() => readCertificate(der));
}

function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (failure) {
    if (!(failure instanceof DerError)) throw failure;
    throw new SvidError('malformed', `certificate is malformed: ${failure.message}`, { cause: failure });
  }
}

function readCertificate(der: Uint8Array): Certificate {
  const outer = new DerReader(readWhole(der, TAG.sequence).content);
  const tbs = outer.expect(TAG.sequence);
  const algorithm = outer.expect(TAG.sequence);
  const signature = readBitString(outer.expect(TAG.bitString).content);
  outer.end();
  const body = readBody(new DerReader(tbs.content));
  if (!Buffer.from(body.algorithm).equals(algorithm.content)) {
    throw new DerError('signature algorithms inside and outside differ');
  }
  const signatureAlgorithm = readSignatureAlgorithm(algorithm.content);
  if (signatureAlgorithm === undefined)
    throw new SvidError('weak-algorithm', 'signature algorithm not allowed');
  if (!isAllowedKey(body.spki)) throw new SvidError('weak-algorithm', 'public key not allowed');
  return { der, tbs: tbs.whole, signatureAlgorithm, signature, ...body };
}

interface Body extends Omit<Certificate, 'der' | 'tbs' | 'signatureAlgorithm' | 'signature'> {
  readonly algorithm: Uint8Array;
}

function readBody(reader: DerReader): Body {
  const version = new DerReader(reader.expect(contextTag(0, true)).content);
  const number = readSmallInteger(version.expect(TAG.integer).content);
  version.end();
  if (number !== VERSION_3) throw new DerError('not version 3');
  const serial = readSerial(reader.expect(TAG.integer).content);
  const algorithm = reader.expect(TAG.sequence).content;
  const issuer = reader.expect(TAG.sequence).whole;
  const validity = readSequence(reader);
  const notBeforeMs = readTime(validity.next());
  const notAfterMs = readTime(validity.next());
  validity.end();
  const subject = reader.expect(TAG.sequence);
  const spki = reader.expect(TAG.sequence).whole;
  const extensions = readExtensionsField(reader);
  reader.end();
  const subjectEmails = readEmails(subject.content);
  return {
    serial,
    algorithm,
    issuer,
    notBeforeMs,
    notAfterMs,
    subject: subject.whole,
    subjectEmails,
    spki,
    extensions,
  };
}

function readSerial(content: Uint8Array): string {
  checkInteger(content);
  if (content.length > MAX_SERIAL_BYTES || (content[0] ?? 0) >= 0x80) throw new DerError('bad serial number');
  return Buffer.from(content)
    .toString('hex')
    .replace(/^(00)+(?=.)/, '');
}

/** issuerUniqueID and subjectUniqueID, which RFC 5280 forbids to issue, are refused. */
function readExtensionsField(reader: DerReader): Extensions {
  const field = new DerReader(reader.expect(contextTag(3, true)).content);
  const sequence = field.expect(TAG.sequence).content;
  field.end();
  return readExtensions(sequence);
}

/** Walks a Name: RDNSequence of SET OF SEQUENCE { type, value }. */
function readEmails(rdnSequence: Uint8Array): readonly string[] {
  const emails: string[] = [];
  const rdns = new DerReader(rdnSequence);
  while (!rdns.atEnd) {
    const set = new DerReader(rdns.expect(TAG.set).content);
    while (!set.atEnd) {
      const attribute = readSequence(set);
      const type = readObjectIdentifier(attribute.expect(TAG.objectIdentifier).content);
      const value = attribute.next().content;
      attribute.end();
      if (type === EMAIL_ADDRESS) emails.push(Buffer.from(value).toString('latin1'));
    }
  }
  return emails;
}
