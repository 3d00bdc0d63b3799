import type { MethodDefinition } from '@grpc/grpc-js';
import { z } from 'zod';
import { isDnsLabel } from '../../model/cluster.ts';
import {
  LOG_READ_COUNT,
  MAX_BATCH_CHANGES,
  MAX_DOCUMENT_BYTES,
  MAX_FIELD_BYTES,
  MAX_HEAD_BYTES,
  MAX_MEMBERS,
  MAX_RECORD_BYTES,
  MAX_RECORDS,
  MAX_SET_BYTES,
} from '../limits.ts';

/**
 * What a store process and its clients say to each other: one gRPC method, `isthmus.store.v1.MemoryStore/Call`,
 * whose messages are JSON. Both sides check every message; neither takes a larger one than below.
 */
export const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
/** A whole set, its quotes and backslashes escaped. */
export const MAX_RESPONSE_BYTES = 2 * MAX_SET_BYTES;
export const MAX_BLOCK_MS = 5000;

const cluster = z.string().refine(isDnsLabel, 'must be an RFC 1123 label');
const count = z.int().min(0);
const bytes = (max: number) =>
  z
    .base64()
    .max(Math.ceil(max / 3) * 4)
    .transform((text): Uint8Array => new Uint8Array(Buffer.from(text, 'base64')));
const field = z.string().min(1).max(MAX_FIELD_BYTES);
const text = z.string().max(MAX_RECORD_BYTES);
const position = z.string().regex(/^[0-9]{1,16}$/);
const lease = z
  .object({ holder: z.string().min(1).max(100), ttlMs: z.int().min(1).max(3_600_000) })
  .optional();
const storedRecord = z.object({ field, version: count, text });
const change = z.object({ field, version: count, text: text.optional() });
const head = bytes(MAX_HEAD_BYTES);
const documentKey = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bundle'), cluster }),
  z.object({ kind: z.literal('trust') }),
]);

export const requestSchema = z.discriminatedUnion('call', [
  z.object({ call: z.literal('ping') }),
  z.object({ call: z.literal('members') }),
  z.object({ call: z.literal('addMember'), cluster }),
  z.object({ call: z.literal('acquire'), cluster, lease, minimumEpoch: count, maximumEpoch: count }),
  z.object({ call: z.literal('release'), cluster, holder: z.string().max(100) }),
  z.object({
    call: z.literal('commit'),
    cluster,
    epoch: count,
    lease,
    changes: z.array(change).max(MAX_BATCH_CHANGES),
    head,
    previousHead: head,
    size: count,
  }),
  z.object({
    call: z.literal('stage'),
    cluster,
    epoch: count,
    records: z.array(storedRecord).max(MAX_BATCH_CHANGES),
  }),
  z.object({ call: z.literal('promote'), cluster, epoch: count, lease, head, size: count }),
  z.object({ call: z.literal('readHead'), cluster }),
  z.object({ call: z.literal('readAll'), cluster }),
  z.object({ call: z.literal('readRecords'), cluster, fields: z.array(field).max(MAX_BATCH_CHANGES) }),
  z.object({
    call: z.literal('readLog'),
    positions: z.array(z.tuple([cluster, position])).max(MAX_MEMBERS),
    blockMs: z.int().min(0).max(MAX_BLOCK_MS),
  }),
  z.object({ call: z.literal('readDocument'), key: documentKey }),
  z.object({ call: z.literal('writeDocument'), key: documentKey, document: bytes(MAX_DOCUMENT_BYTES) }),
]);

export type StoreRequest = z.output<typeof requestSchema>;

/** One byte more than is allowed is enough to be refused. */
const anyHead = bytes(MAX_HEAD_BYTES + 1);
const storedHead = z.object({ head: anyHead.optional(), position });
const logEntry = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('change'), change }),
  z.object({ kind: z.literal('reset') }),
  z.object({ kind: z.literal('head'), head: anyHead }),
  z.object({ kind: z.literal('malformed'), reason: z.string().max(300) }),
]);

/** What the server answers to each call. */
export const responseSchemas = {
  ping: z.null(),
  members: z.array(z.string().max(100)).max(2 * MAX_MEMBERS),
  addMember: z.null(),
  acquire: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('acquired'), epoch: count }),
    z.object({ kind: z.literal('held'), holder: z.string().max(100) }),
  ]),
  release: z.null(),
  commit: z.enum(['written', 'fenced', 'fence-lost', 'foreign-head', 'wrong-size']),
  stage: z.null(),
  promote: z.enum(['written', 'fenced', 'fence-lost', 'foreign-head', 'wrong-size']),
  readHead: storedHead,
  readAll: storedHead.extend({ records: z.array(storedRecord).max(MAX_RECORDS) }),
  readRecords: z.array(storedRecord.nullable()).max(MAX_BATCH_CHANGES),
  readLog: z
    .array(z.object({ cluster, entries: z.array(logEntry).max(LOG_READ_COUNT), position }))
    .max(MAX_MEMBERS),
  readDocument: bytes(MAX_DOCUMENT_BYTES).nullable(),
  writeDocument: z.null(),
} as const;

export type CallName = keyof typeof responseSchemas;
export type StoreResponse<C extends CallName> = z.output<(typeof responseSchemas)[C]>;

/** gRPC takes a message of null for none: every answer is wrapped. */
export const responseEnvelope = z.object({ result: z.unknown() });

/** Bytes become base64, everything else is JSON's own. */
export function printMessage(message: unknown): Buffer {
  return Buffer.from(
    JSON.stringify(message, function (this: Record<string, unknown>, key, value: unknown) {
      // A Buffer has made itself JSON when it comes as `value`.
      const original = this[key];
      return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value;
    }),
  );
}

function parseMessage(message: Buffer): unknown {
  return JSON.parse(message.toString('utf8'));
}

export const CALL_METHOD: MethodDefinition<unknown, unknown> = {
  path: '/isthmus.store.v1.MemoryStore/Call',
  requestStream: false,
  responseStream: false,
  requestSerialize: printMessage,
  requestDeserialize: parseMessage,
  responseSerialize: printMessage,
  responseDeserialize: parseMessage,
};
