import type { LogEntry, StoredRecord } from '../driver.ts';
import { MAX_FIELD_BYTES, MAX_HEAD_BYTES, MAX_RECORD_BYTES } from '../limits.ts';

/** What Redis sent is not what the command gives: a proxy, or something that is no Redis. */
export class ReplyShapeError extends Error {
  override readonly name = 'ReplyShapeError';

  constructor(expected: string) {
    super(`the reply is not ${expected}`);
  }
}

export function listReply(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new ReplyShapeError('a list');
  return reply;
}

export function bytesReply(reply: unknown): Buffer {
  if (!Buffer.isBuffer(reply)) throw new ReplyShapeError('a string');
  return reply;
}

export function textReply(reply: unknown): string {
  return bytesReply(reply).toString('utf8');
}

/** A hash's value: `version record`. Undefined when it is not one. */
export function parseStored(field: string, value: Buffer): StoredRecord | undefined {
  const space = value.indexOf(0x20);
  const version = space < 0 ? undefined : parseVersion(value.subarray(0, space).toString('latin1'));
  if (version === undefined) return undefined;
  return { field, version, text: value.subarray(space + 1).toString('utf8') };
}

export function printStored(record: StoredRecord): string {
  return `${record.version} ${record.text}`;
}

/** An entry of a log, by the names of its fields: see the scripts that write them. */
export function parseLogEntry(pairs: readonly unknown[]): LogEntry {
  const fields = new Map<string, Buffer>();
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    fields.set(textReply(pairs[i]).slice(0, 10), bytesReply(pairs[i + 1]));
  }
  const head = fields.get('h');
  if (head !== undefined) return headEntry(head);
  if (fields.has('x')) return { kind: 'reset' };
  return changeEntry(fields);
}

function headEntry(head: Buffer): LogEntry {
  // One byte more than is allowed is enough to be refused.
  return { kind: 'head', head: new Uint8Array(head.subarray(0, MAX_HEAD_BYTES + 1)) };
}

function changeEntry(fields: ReadonlyMap<string, Buffer>): LogEntry {
  const version = parseVersion(fields.get('v')?.toString('latin1') ?? '');
  const field = fields.get('f');
  const record = fields.get('r');
  if (version === undefined) return { kind: 'malformed', reason: 'a change has no version' };
  if (field === undefined || field.length > MAX_FIELD_BYTES) {
    return { kind: 'malformed', reason: 'a change names no service' };
  }
  if (record !== undefined && record.length > MAX_RECORD_BYTES) {
    return { kind: 'malformed', reason: 'a record is too long' };
  }
  return {
    kind: 'change',
    change: { field: field.toString('utf8'), version, text: record?.toString('utf8') },
  };
}

function parseVersion(text: string): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined;
  const version = Number(text);
  return Number.isSafeInteger(version) ? version : undefined;
}
