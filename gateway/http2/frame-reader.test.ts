import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawBlock, rawFrame, rawSettings } from '../../test/fixtures/raw-http2-peer.ts';
import { BytePool } from '../http/byte-pool.ts';
import { FLAG, FRAME, PREFACE } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { SETTING } from './settings.ts';

const BLOCK = rawBlock([':method', 'POST', ':scheme', 'http', ':authority', 'a.example', ':path', '/']);
const BODY = Buffer.alloc(200, 'body');
const BYTES = Buffer.concat([
  PREFACE,
  rawSettings([[SETTING.HEADER_TABLE_SIZE, 4096]]),
  rawFrame(FRAME.HEADERS, 0, 1, BLOCK.subarray(0, 20)),
  rawFrame(FRAME.CONTINUATION, FLAG.END_HEADERS, 1, BLOCK.subarray(20)),
  rawFrame(FRAME.DATA, 0, 1, BODY),
  rawFrame(FRAME.DATA, FLAG.PADDED, 1, Buffer.concat([Buffer.from([3]), BODY, Buffer.alloc(3)])),
  rawFrame(FRAME.PING, 0, 0, Buffer.alloc(8)),
  rawFrame(FRAME.DATA, 0, 1),
  rawFrame(FRAME.DATA, FLAG.END_STREAM, 1, BODY),
  rawFrame(FRAME.HEADERS, FLAG.END_STREAM | FLAG.END_HEADERS, 3, BLOCK),
]);

/** What a reader tells when the bytes come in pieces; the pieces of one DATA frame are put together again. */
function read(pieces: readonly Buffer[]): string[] {
  const seen: string[] = [];
  let data = '';
  const pool = new BytePool(1_000_000);
  const reader = new FrameReader(
    {
      data: (streamId, flags, chunk, start, end) => {
        data += chunk.toString('latin1', start, end);
        const complete = data.length === BODY.length || start === end;
        assert.ok(complete || flags === 0, 'END_STREAM only with the last piece');
        if (!complete) return;
        seen.push(`data ${streamId} ${flags} ${data}`);
        data = '';
      },
      frame: (type, flags, streamId, chunk, start, end) => {
        seen.push(`${type} ${flags} ${streamId} ${chunk.toString('hex', start, end)}`);
      },
    },
    { pool, maxFrameBytes: 16_384, expectPreface: true },
  );
  for (const piece of pieces) reader.read(piece);
  assert.equal(reader.insideFrame, false);
  return seen;
}

const WHOLE = read([BYTES]);

test('frames in one piece', () => assert.equal(WHOLE.length, 9));

test('frames cut in two at every byte mean the same', () => {
  for (let cut = 1; cut < BYTES.length; cut++) {
    assert.deepEqual(read([BYTES.subarray(0, cut), BYTES.subarray(cut)]), WHOLE, `cut at ${cut}`);
  }
});

test('frames in pieces of every size mean the same', () => {
  for (let size = 1; size < 64; size++) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < BYTES.length; at += size) pieces.push(BYTES.subarray(at, at + size));
    assert.deepEqual(read(pieces), WHOLE, `pieces of ${size}`);
  }
});
