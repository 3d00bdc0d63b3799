/** What the first bytes of a TLS connection are. */
export type ClientHello =
  /** A whole, well-formed ClientHello; undefined = it names no server. In lower case. */
  | { readonly kind: 'hello'; readonly serverName: string | undefined }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Of everything up to the end of a ClientHello, record headers included; browsers' largest have some 2 KiB. */
export const MAX_CLIENT_HELLO_BYTES = 16 * 1024;

/** Nobody needs more, and each look at the bytes that have come goes through all of them. */
const MAX_RECORDS = 64;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const MAX_FRAGMENT_BYTES = 16_384;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const SERVER_NAME = 0;
const HOST_NAME = 0;
/** RFC 6066 section 3: a DNS name in ASCII without a final dot; never an address. */
const DNS_NAME = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads the ClientHello (RFC 8446 section 4.1.2) at the beginning of `bytes`, in however many records it comes
 * (section 5.1), for its server name (RFC 6066 section 3). Everything that does not fit exactly is malformed. What
 * an encrypted ClientHello hides is not seen: its outer name counts.
 * @returns undefined = more bytes are needed
 */
export function readClientHello(bytes: Buffer): ClientHello | undefined {
  try {
    const message = readMessage(bytes);
    if (message !== undefined) return { kind: 'hello', serverName: readBody(new Cursor(message)) };
    if (bytes.length >= MAX_CLIENT_HELLO_BYTES) throw new Malformed('too large');
    return undefined;
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'malformed', reason: error.message };
    throw error;
  }
}

class Malformed extends Error {}

/** The handshake message's body out of its records; undefined = it is not all there. */
function readMessage(bytes: Buffer): Buffer | undefined {
  const fragments: Buffer[] = [];
  let gathered = 0;
  let whole: number | undefined;
  for (let at = 0; at < bytes.length; ) {
    checkRecordHeader(bytes, at);
    if (bytes.length - at < RECORD_HEADER_BYTES) return undefined;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_FRAGMENT_BYTES) throw new Malformed('record length');
    const start = at + RECORD_HEADER_BYTES;
    const fragment = bytes.subarray(start, start + length);
    fragments.push(fragment);
    gathered += fragment.length;
    at = start + length;
    whole ??= wholeMessageBytes(fragments, gathered);
    if (fragments.length > MAX_RECORDS) throw new Malformed('too many records');
    if (at > MAX_CLIENT_HELLO_BYTES) throw new Malformed('too large');
    // What follows a ClientHello has another key: it begins with a record (RFC 8446 section 5.1).
    if (whole !== undefined && gathered - fragment.length + length > whole) {
      throw new Malformed('bytes after the message in its record');
    }
    if (fragment.length < length) return undefined;
    if (gathered === whole) return Buffer.concat(fragments).subarray(MESSAGE_HEADER_BYTES);
  }
  return undefined;
}

/** As soon as they are there, so that a client that speaks something else need not wait for its answer. */
function checkRecordHeader(bytes: Buffer, at: number): void {
  if (bytes[at] !== HANDSHAKE_RECORD) throw new Malformed('no handshake record');
  // Its minor part says nothing (RFC 8446 section 5.1).
  if (at + 1 < bytes.length && bytes[at + 1] !== 3) throw new Malformed('record version');
}

/** Of the message with its header; undefined = not known yet. */
function wholeMessageBytes(fragments: readonly Buffer[], gathered: number): number | undefined {
  if (gathered === 0) return undefined;
  const header = fragments.length === 1 ? fragments[0] : Buffer.concat(fragments);
  if (header?.[0] !== CLIENT_HELLO) throw new Malformed('no ClientHello');
  if (header.length < MESSAGE_HEADER_BYTES) return undefined;
  const whole = MESSAGE_HEADER_BYTES + header.readUIntBE(1, 3);
  if (whole > MAX_CLIENT_HELLO_BYTES) throw new Malformed('too large');
  return whole;
}

function readBody(hello: Cursor): string | undefined {
  if (hello.uint(2) >> 8 !== 3) throw new Malformed('version');
  hello.take(32);
  if (hello.vector(1, 0).length > 32) throw new Malformed('session id');
  if (hello.vector(2, 2).length % 2 !== 0) throw new Malformed('cipher suites');
  if (!hello.vector(1, 1).includes(0)) throw new Malformed('compression methods');
  if (hello.done) return undefined;
  const extensions = new Cursor(hello.vector(2, 0));
  hello.end();
  return readExtensions(extensions);
}

function readExtensions(extensions: Cursor): string | undefined {
  const seen = new Set<number>();
  let serverName: string | undefined;
  while (!extensions.done) {
    const type = extensions.uint(2);
    if (seen.has(type)) throw new Malformed('an extension twice');
    seen.add(type);
    const data = extensions.vector(2, 0);
    if (type === SERVER_NAME) serverName = readServerName(new Cursor(data));
  }
  return serverName;
}

/** Exactly one name: a type has no more than one, and no other type was ever defined. */
function readServerName(extension: Cursor): string {
  const list = new Cursor(extension.vector(2, 1));
  extension.end();
  if (list.uint(1) !== HOST_NAME) throw new Malformed('server name type');
  const name = list.vector(2, 1).toString('latin1').toLowerCase();
  list.end();
  if (!DNS_NAME.test(name)) throw new Malformed('server name');
  return name;
}

/** Reads the presentation language of RFC 8446 section 3, and nothing beyond its end. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(length: number): Buffer {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Malformed('a length beyond the end');
    return this.#bytes.subarray(start, this.#at);
  }

  uint(size: 1 | 2): number {
    return this.take(size).readUIntBE(0, size);
  }

  /** A vector with a length of `lengthSize` bytes. */
  vector(lengthSize: 1 | 2, minLength: number): Buffer {
    const length = this.uint(lengthSize);
    if (length < minLength) throw new Malformed('an empty list');
    return this.take(length);
  }

  end(): void {
    if (!this.done) throw new Malformed('bytes after the end');
  }
}
