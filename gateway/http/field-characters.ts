/**
 * Which bytes field names and values may have (RFC 9110 sections 5.1, 5.5 and 5.6.2), as tables by byte. Names here
 * are lower case, as in HTTP/2 (RFC 9113 section 8.2.1).
 */

const TOKEN_SYMBOLS = "!#$%&'*+-.^_`|~";

function table(allowed: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (allowed(byte) ? 1 : 0));
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isLower(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a;
}

function isUpper(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

function isSymbol(byte: number): boolean {
  return TOKEN_SYMBOLS.includes(String.fromCharCode(byte));
}

/** 1 for a byte of a lower-case field name. */
export const LOWER_NAME_BYTE = table((byte) => isDigit(byte) || isLower(byte) || isSymbol(byte));

/** 1 for a byte of a token: method names, HTTP/1 field names in any case. */
export const TOKEN_BYTE = table((byte) => isDigit(byte) || isLower(byte) || isUpper(byte) || isSymbol(byte));

/** 1 for a byte of a field value: visible, obs-text, space, tab; no CR, LF, NUL or other control. */
export const VALUE_BYTE = table((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f));

/** 1 for a byte of a request target or authority: visible ASCII, nothing that could end it. */
export const TARGET_BYTE = table((byte) => byte > 0x20 && byte < 0x7f);

/** True when every character of `text` is allowed by `bytes`. */
export function hasOnly(text: string, bytes: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[text.charCodeAt(index)] !== 1) return false;
  }
  return true;
}
