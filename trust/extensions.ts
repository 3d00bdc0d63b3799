import {
  contextTag,
  DerError,
  DerReader,
  readBoolean,
  readNamedBits,
  readObjectIdentifier,
  readSequence,
  readSmallInteger,
  readWhole,
  TAG,
} from './der.ts';
import { type GeneralName, readGeneralName, readGeneralNames } from './general-name.ts';

/** NameConstraints, RFC 5280 section 4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** The extensions that verification understands. */
export interface Extensions {
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
  /** Set bits of KeyUsage, RFC 5280 section 4.2.1.3. */
  readonly keyUsage: ReadonlySet<number> | undefined;
  /** Object identifiers of ExtendedKeyUsage. */
  readonly extendedKeyUsage: ReadonlySet<string> | undefined;
  readonly subjectAltNames: readonly GeneralName[];
  readonly nameConstraints: NameConstraints | undefined;
  readonly subjectKeyId: Uint8Array | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  /** Object identifiers of critical extensions that are none of these. */
  readonly unknownCritical: readonly string[];
}

export const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5, cRLSign: 6 } as const;
export const EXTENDED_KEY_USAGE = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  any: '2.5.29.37.0',
} as const;

const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

const KNOWN: ReadonlySet<string> = new Set(Object.values(OID));
const MAX_EXTENSIONS = 32;
const MAX_SUBTREES = 256;

/** The content of Extensions (a SEQUENCE OF Extension). @throws DerError also for an extension that is there twice. */
export function readExtensions(sequence: Uint8Array): Extensions {
  const raw = readRaw(sequence);
  const read = <T>(oid: string, parse: (value: Uint8Array) => T): T | undefined => {
    const value = raw.values.get(oid);
    return value === undefined ? undefined : parse(value);
  };
  return {
    basicConstraints: read(OID.basicConstraints, readBasicConstraints),
    keyUsage: read(OID.keyUsage, (value) => readNamedBits(readWhole(value, TAG.bitString).content)),
    extendedKeyUsage: read(OID.extendedKeyUsage, readExtendedKeyUsage),
    subjectAltNames: read(OID.subjectAltName, readGeneralNames) ?? [],
    nameConstraints: read(OID.nameConstraints, readNameConstraints),
    subjectKeyId: read(OID.subjectKeyId, (value) => readWhole(value, TAG.octetString).content),
    authorityKeyId: read(OID.authorityKeyId, readAuthorityKeyId),
    unknownCritical: raw.unknownCritical,
  };
}

function readRaw(sequence: Uint8Array): { values: Map<string, Uint8Array>; unknownCritical: string[] } {
  const values = new Map<string, Uint8Array>();
  const unknownCritical: string[] = [];
  const reader = new DerReader(sequence);
  while (!reader.atEnd) {
    const extension = readSequence(reader);
    const oid = readObjectIdentifier(extension.expect(TAG.objectIdentifier).content);
    const flag = extension.optional(TAG.boolean);
    const critical = flag !== undefined && readBoolean(flag.content);
    if (flag !== undefined && !critical) throw new DerError('a default value is encoded');
    const value = extension.expect(TAG.octetString).content;
    extension.end();
    if (values.has(oid)) throw new DerError(`extension ${oid} is there twice`);
    values.set(oid, value);
    if (critical && !KNOWN.has(oid)) unknownCritical.push(oid);
    if (values.size > MAX_EXTENSIONS) throw new DerError('too many extensions');
  }
  return { values, unknownCritical };
}

function readBasicConstraints(value: Uint8Array): { ca: boolean; pathLength: number | undefined } {
  const reader = new DerReader(readWhole(value, TAG.sequence).content);
  const flag = reader.optional(TAG.boolean);
  const length = reader.optional(TAG.integer);
  reader.end();
  return {
    ca: flag !== undefined && readBoolean(flag.content),
    pathLength: length === undefined ? undefined : readSmallInteger(length.content),
  };
}

function readExtendedKeyUsage(value: Uint8Array): ReadonlySet<string> {
  const reader = new DerReader(readWhole(value, TAG.sequence).content);
  const usages = new Set<string>();
  while (!reader.atEnd) usages.add(readObjectIdentifier(reader.expect(TAG.objectIdentifier).content));
  return usages;
}

function readAuthorityKeyId(value: Uint8Array): Uint8Array | undefined {
  const reader = new DerReader(readWhole(value, TAG.sequence).content);
  return reader.optional(contextTag(0, false))?.content;
}

function readNameConstraints(value: Uint8Array): NameConstraints {
  const reader = new DerReader(readWhole(value, TAG.sequence).content);
  const permitted = reader.optional(contextTag(0, true));
  const excluded = reader.optional(contextTag(1, true));
  reader.end();
  if (permitted === undefined && excluded === undefined) throw new DerError('empty name constraints');
  return { permitted: readSubtrees(permitted?.content), excluded: readSubtrees(excluded?.content) };
}

/** RFC 5280 knows no other minimum than the default 0 and no maximum, so neither may be encoded. */
function readSubtrees(content: Uint8Array | undefined): readonly GeneralName[] {
  if (content === undefined) return [];
  const reader = new DerReader(content);
  const names: GeneralName[] = [];
  while (!reader.atEnd) {
    const subtree = readSequence(reader);
    names.push(readGeneralName(subtree.next()));
    subtree.end();
    if (names.length > MAX_SUBTREES) throw new DerError('too many name constraints');
  }
  return names;
}
