/** PEM (RFC 7468) in and out. Reading is strict about armour and base64, and ignores text between blocks. */

export interface PemBlock {
  /** E.g. `CERTIFICATE`, `PRIVATE KEY`. */
  readonly label: string;
  readonly der: Uint8Array;
}

export class PemError extends Error {
  override readonly name = 'PemError';
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----([^-]*)-----END ([A-Z0-9 ]{1,64})-----/g;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const LINE_LENGTH = 64;

/** @throws PemError when a block is damaged. Never repeats content: it may be a key. */
export function parsePem(text: string): readonly PemBlock[] {
  const blocks = [...text.matchAll(BLOCK)].map(([, label = '', body = '', endLabel]) => {
    const base64 = body.replace(/[\r\n\t ]/g, '');
    if (label !== endLabel || base64 === '' || !BASE64.test(base64)) {
      throw new PemError(`the ${label} block is damaged`);
    }
    return { label, der: new Uint8Array(Buffer.from(base64, 'base64')) };
  });
  const begun = text.split('-----BEGIN ').length - 1;
  if (begun !== blocks.length) throw new PemError('a block has no end');
  return blocks;
}

/** The DER of all certificates of a text, in order. @throws PemError when there is none or one is damaged. */
export function certificatesFromPem(text: string): readonly Uint8Array[] {
  const found = parsePem(text).filter((block) => block.label === 'CERTIFICATE');
  if (found.length === 0) throw new PemError('there is no CERTIFICATE block');
  return found.map((block) => block.der);
}

export function toPem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < base64.length; at += LINE_LENGTH) lines.push(base64.slice(at, at + LINE_LENGTH));
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

export function certificatesToPem(chainDer: readonly Uint8Array[]): string {
  return chainDer.map((der) => toPem('CERTIFICATE', der)).join('');
}
