import { contextTag, type DerElement, DerError, DerReader, readAscii, TAG } from './der.ts';

/** A GeneralName (RFC 5280 section 4.2.1.6), as far as names of workloads and constraints on them need it. */
export type GeneralName =
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly value: string }
  /** An address of 4 or 16 bytes; in a constraint address and mask, 8 or 32 bytes. */
  | { readonly kind: 'ip'; readonly bytes: Uint8Array }
  /** otherName, x400Address, directoryName, ediPartyName or registeredID: known to be there, not read. */
  | { readonly kind: 'other'; readonly tag: number };

const TEXT_KINDS: ReadonlyMap<number, 'email' | 'dns' | 'uri'> = new Map([
  [contextTag(1, false), 'email'],
  [contextTag(2, false), 'dns'],
  [contextTag(6, false), 'uri'],
]);
const IP_TAG = contextTag(7, false);
export const DIRECTORY_NAME_TAG = contextTag(4, true);
const OTHER_TAGS: ReadonlySet<number> = new Set([
  contextTag(0, true),
  contextTag(3, true),
  DIRECTORY_NAME_TAG,
  contextTag(5, true),
  contextTag(8, false),
]);
const MAX_NAMES = 256;

/** @throws DerError when the element is no GeneralName. */
export function readGeneralName(element: DerElement): GeneralName {
  const textKind = TEXT_KINDS.get(element.tag);
  if (textKind !== undefined) return { kind: textKind, value: readAscii(element.content) };
  if (element.tag === IP_TAG) return { kind: 'ip', bytes: element.content };
  if (OTHER_TAGS.has(element.tag)) return { kind: 'other', tag: element.tag };
  throw new DerError('unknown kind of name');
}

/** The content of a SubjectAltName extension. */
export function readGeneralNames(bytes: Uint8Array): readonly GeneralName[] {
  const outer = new DerReader(bytes);
  const reader = new DerReader(outer.expect(TAG.sequence).content);
  outer.end();
  const names: GeneralName[] = [];
  while (!reader.atEnd) {
    const name = readGeneralName(reader.next());
    if (name.kind === 'ip' && name.bytes.length !== 4 && name.bytes.length !== 16) {
      throw new DerError('bad length of an IP address');
    }
    names.push(name);
    if (names.length > MAX_NAMES) throw new DerError('too many names');
  }
  if (names.length === 0) throw new DerError('no names');
  return names;
}
