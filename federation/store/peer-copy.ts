import { z } from 'zod';
import type { StoredRecord } from './driver.ts';
import { encodeHead, type HeadContent, parseHead } from './head.ts';
import { MAX_FIELD_BYTES } from './limits.ts';

/** The last good copy of a peer: its newest accepted head and the records that the head covers. */
export interface PeerCopy {
  readonly head: HeadContent;
  readonly records: readonly StoredRecord[];
}

const LINE = new RegExp(`^(\\d{1,16}) (\\S{1,${MAX_FIELD_BYTES}}) (.*)$`);

const firstLine = z.object({ clusterset: z.string(), head: z.unknown() });

/** A line for the head, then one for each record: `version field text`. */
export function printCopy(clusterset: string, copy: PeerCopy): string {
  const head: unknown = JSON.parse(new TextDecoder().decode(encodeHead(copy.head)));
  const lines = copy.records.map(({ field, version, text }) => `${version} ${field} ${text}`);
  return `${JSON.stringify({ clusterset, head })}\n${lines.join('\n')}`;
}

/** @throws Error saying what is wrong. Whether the head's digest covers the records is for the reader to check. */
export function parseCopy(clusterset: string, content: string): PeerCopy {
  const [first = '', ...lines] = content.split('\n');
  const about = firstLine.parse(JSON.parse(first));
  if (about.clusterset !== clusterset) throw new Error(`it is of clusterset ${about.clusterset}`);
  const head = parseHead(new TextEncoder().encode(JSON.stringify(about.head)));
  return { head, records: lines.filter((line) => line !== '').map(parseLine) };
}

function parseLine(line: string): StoredRecord {
  const match = LINE.exec(line);
  const [, version, field, text] = match ?? [];
  if (version === undefined || field === undefined || text === undefined) {
    throw new Error(`a line is not a record: ${JSON.stringify(line.slice(0, 80))}`);
  }
  return { field, version: Number(version), text };
}
