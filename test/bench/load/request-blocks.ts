type Fields = readonly (readonly [name: string, value: string])[];

const TABLE_BYTES = 4096;
const ENTRY_OVERHEAD = 32;
const FIRST_DYNAMIC_INDEX = 62;
const METHODS = { GET: 0x82, POST: 0x83 } as const;
const SCHEME_HTTP = 0x86;
const LITERAL = 0x00;
const LITERAL_INDEXED = 0x40;
const INDEXED = 0x80;

/**
 * The header blocks (RFC 7541) of the same request again and again on one connection: the first fills the dynamic
 * table as far as it reaches, all others refer to it, as real clients do.
 */
export function requestBlocks(method: keyof typeof METHODS, fields: Fields): { first: Buffer; next: Buffer } {
  const first: Buffer[] = [Buffer.from([METHODS[method], SCHEME_HTTP])];
  const kept: boolean[] = [];
  let room = TABLE_BYTES;
  for (const [name, value] of fields) {
    const size = Buffer.byteLength(name) + Buffer.byteLength(value) + ENTRY_OVERHEAD;
    const fits = size <= room;
    if (fits) room -= size;
    kept.push(fits);
    first.push(literal(fits ? LITERAL_INDEXED : LITERAL, name, value));
  }
  const next: Buffer[] = [Buffer.from([METHODS[method], SCHEME_HTTP])];
  let newer = kept.filter(Boolean).length;
  for (const [at, [name, value]] of fields.entries()) {
    if (kept[at] === true) next.push(integer(INDEXED, 7, FIRST_DYNAMIC_INDEX + --newer));
    else next.push(literal(LITERAL, name, value));
  }
  return { first: Buffer.concat(first), next: Buffer.concat(next) };
}

function literal(kind: number, name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([kind]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([integer(0, 7, bytes.length), bytes]);
}

/** RFC 7541 section 5.1. */
function integer(flags: number, prefixBits: number, value: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.from([flags | value]);
  const bytes = [flags | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
