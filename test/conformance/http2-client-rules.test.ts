import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { H2_ERROR } from '../../gateway/http/stream.ts';
import { FLAG, FRAME } from '../../gateway/http2/frame.ts';
import { SETTING } from '../../gateway/http2/settings.ts';
import { begin, failureOf, OK, POST, pair } from '../fixtures/http2-client-pair.ts';
import { type RawHttp2Peer, rawBlock, rawSettings, uint32 } from '../fixtures/raw-http2-peer.ts';
import { until } from '../fixtures/recorded-exchanges.ts';
import { type Outcome, outcomeOf } from './frame-outcome.ts';

type Send = (peer: RawHttp2Peer, id: number) => void;

function setting(id: number, value: number): Send {
  return (peer) => peer.sendBytes(rawSettings([[id, value]]));
}

function frame(type: number, flags: number, onStream: boolean, payload: Buffer | string = ''): Send {
  return (peer, id) => peer.send(type, flags, onStream ? id : 0, payload);
}

function goAway(lastId: number, code: number): Buffer {
  return Buffer.concat([uint32(lastId), uint32(code)]);
}

const PROTOCOL = 'connection PROTOCOL_ERROR';
const SIZE = 'connection FRAME_SIZE_ERROR';

/** The rules of the server role's tables, mirrored: sent while a request waits for its response. */
const RULES: ReadonlyArray<readonly [name: string, send: Send, outcome: Outcome]> = [
  ['4.1: flags without a meaning are ignored', frame(FRAME.PING, 0xfe, false, Buffer.alloc(8)), 'fine'],
  ['4.2: a frame larger than we take', frame(FRAME.PING, 0, false, Buffer.alloc(16_385)), SIZE],
  [
    '4.3: a broken block',
    frame(FRAME.HEADERS, FLAG.END_HEADERS, true, '\x80'),
    'connection COMPRESSION_ERROR',
  ],
  [
    '5.5: an unknown frame inside a header block',
    (peer, id) => {
      peer.send(FRAME.HEADERS, FLAG.END_STREAM, id, rawBlock(OK));
      peer.send(0xbe, 0, id, 'x');
    },
    PROTOCOL,
  ],
  ['5.5: an unknown setting', setting(0x4242, 1), 'fine'],
  ['6.1: DATA on stream 0', frame(FRAME.DATA, 0, false, 'a'), PROTOCOL],
  [
    '6.1: DATA with as much padding as payload',
    (peer, id) => {
      peer.headers(id, OK, 0);
      peer.send(FRAME.DATA, FLAG.PADDED, id, '\x04abc');
    },
    PROTOCOL,
  ],
  ['6.1: padded DATA without a length', frame(FRAME.DATA, FLAG.PADDED, true), SIZE],
  ['6.2: HEADERS on stream 0', frame(FRAME.HEADERS, FLAG.END_HEADERS, false, rawBlock(OK)), PROTOCOL],
  ['6.2: HEADERS with too much padding', frame(FRAME.HEADERS, 0x0c, true, '\x7fabc'), PROTOCOL],
  ['6.2: HEADERS with priority, too short', frame(FRAME.HEADERS, 0x24, true, 'abc'), SIZE],
  ['6.3: PRIORITY on stream 0', frame(FRAME.PRIORITY, 0, false, Buffer.alloc(5)), PROTOCOL],
  ['6.3: PRIORITY of 6 bytes', frame(FRAME.PRIORITY, 0, true, Buffer.alloc(6)), 'stream FRAME_SIZE_ERROR'],
  ['6.4: RST_STREAM on stream 0', frame(FRAME.RST_STREAM, 0, false, uint32(8)), PROTOCOL],
  ['6.4: RST_STREAM of 5 bytes', frame(FRAME.RST_STREAM, 0, true, Buffer.alloc(5)), SIZE],
  ['6.5: SETTINGS of 5 bytes', frame(FRAME.SETTINGS, 0, false, 'abcde'), SIZE],
  ['6.5: an acknowledgement with payload', frame(FRAME.SETTINGS, FLAG.ACK, false, 'abcdef'), SIZE],
  ['6.5.2: ENABLE_PUSH = 0', setting(SETTING.ENABLE_PUSH, 0), 'fine'],
  ['6.5.2: ENABLE_PUSH = 1', setting(SETTING.ENABLE_PUSH, 1), PROTOCOL],
  [
    '6.5.2: INITIAL_WINDOW_SIZE = 2^31',
    setting(SETTING.INITIAL_WINDOW_SIZE, 2 ** 31),
    'connection FLOW_CONTROL_ERROR',
  ],
  ['6.5.2: MAX_FRAME_SIZE = 16383', setting(SETTING.MAX_FRAME_SIZE, 16_383), PROTOCOL],
  ['6.5.2: MAX_FRAME_SIZE = 2^24', setting(SETTING.MAX_FRAME_SIZE, 2 ** 24), PROTOCOL],
  ['RFC 8441 3: ENABLE_CONNECT_PROTOCOL = 2', setting(SETTING.ENABLE_CONNECT_PROTOCOL, 2), PROTOCOL],
  ['6.7: PING of 7 bytes', frame(FRAME.PING, 0, false, Buffer.alloc(7)), SIZE],
  ['6.8: GOAWAY of 7 bytes', frame(FRAME.GOAWAY, 0, false, Buffer.alloc(7)), SIZE],
  ['6.9: WINDOW_UPDATE of 3 bytes', frame(FRAME.WINDOW_UPDATE, 0, true, 'abc'), SIZE],
  ['6.9: WINDOW_UPDATE by 0, connection', frame(FRAME.WINDOW_UPDATE, 0, false, uint32(0)), PROTOCOL],
  [
    '6.9: WINDOW_UPDATE by 0, stream',
    frame(FRAME.WINDOW_UPDATE, 0, true, uint32(0)),
    'stream PROTOCOL_ERROR',
  ],
  [
    '6.9.1: a connection window past 2^31-1',
    frame(FRAME.WINDOW_UPDATE, 0, false, uint32(2 ** 31 - 1)),
    'connection FLOW_CONTROL_ERROR',
  ],
  [
    '6.9.1: a stream window past 2^31-1',
    frame(FRAME.WINDOW_UPDATE, 0, true, uint32(2 ** 31 - 1)),
    'stream FLOW_CONTROL_ERROR',
  ],
  ['6.10: CONTINUATION alone', frame(FRAME.CONTINUATION, FLAG.END_HEADERS, true), PROTOCOL],
  [
    '8.1: trailers that do not end the stream',
    (peer, id) => {
      peer.headers(id, OK, 0);
      peer.headers(id, ['x-sum', '1'], 0);
    },
    'stream PROTOCOL_ERROR',
  ],
  [
    '8.2.2: a connection field in trailers',
    (peer, id) => {
      peer.headers(id, OK, 0);
      peer.headers(id, ['connection', 'close']);
    },
    'stream PROTOCOL_ERROR',
  ],
];

describe('the client role: rules of RFC 9113', () => {
  for (const [name, send, outcome] of RULES) {
    test(name, async (t) => {
      const both = await pair(t);
      const { response, id } = await begin(both);
      assert.equal(await outcomeOf(both.peer, id, () => send(both.peer, id)), outcome);
      if (outcome !== 'fine') assert.notEqual(await failureOf(response), undefined);
    });
  }

  test('6.8: GOAWAY with an error, received: what it may have processed goes on', async (t) => {
    const both = await pair(t);
    const first = await begin(both);
    const second = await begin(both);
    both.peer.send(FRAME.GOAWAY, 0, 0, goAway(first.id, H2_ERROR.INTERNAL_ERROR));
    assert.deepEqual(await failureOf(second.response), { kind: 'refused' });
    both.peer.headers(first.id, OK);
    await until(() => first.response.ended);
  });

  test('6.9.2: INITIAL_WINDOW_SIZE below what is on its way: the window is negative, and fills up again', async (t) => {
    const both = await pair(t, [[SETTING.INITIAL_WINDOW_SIZE, 10]]);
    const { stream, id } = await begin(both, POST, false);
    stream.sendData(Buffer.alloc(30, 'x'), 0, 30, true);
    assert.equal((await both.peer.next(FRAME.DATA)).payload.length, 10);
    both.peer.sendBytes(rawSettings([[SETTING.INITIAL_WINDOW_SIZE, 3]]));
    both.peer.send(FRAME.WINDOW_UPDATE, 0, id, uint32(7));
    const outcome = await outcomeOf(both.peer, id, () => undefined);
    assert.equal(outcome, 'fine');
    assert.equal(
      both.peer.frames.filter(({ type }) => type === FRAME.DATA).length,
      1,
      'the window is 0 again',
    );
    both.peer.send(FRAME.WINDOW_UPDATE, 0, id, uint32(20));
    const last = await both.peer.next(FRAME.DATA);
    assert.deepEqual([last.payload.length, last.flags], [20, FLAG.END_STREAM]);
  });

  test('RFC 7541 4.2: a smaller header table is announced by the next block', async (t) => {
    const both = await pair(t, [[SETTING.HEADER_TABLE_SIZE, 100]]);
    await begin(both);
    const first = both.peer.frames.find(({ type }) => type === FRAME.HEADERS);
    assert.equal(first?.payload.subarray(0, 2).toString('hex'), '3f45', 'size 100 = 31 + 69');
  });

  test('8.1: a response cut in two at every byte means the same', async (t) => {
    const both = await pair(t);
    const block = rawBlock([...OK, 'x-a', 'b']);
    for (let cut = 0; cut <= block.length; cut++) {
      const { response, id } = await begin(both);
      both.peer.send(FRAME.HEADERS, FLAG.END_STREAM, id, block.subarray(0, cut));
      both.peer.send(FRAME.CONTINUATION, FLAG.END_HEADERS, id, block.subarray(cut));
      await until(() => response.ended);
      assert.deepEqual(response.block, [...OK, 'x-a', 'b']);
    }
  });
});
