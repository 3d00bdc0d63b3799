import { FLAG, FRAME } from '../../gateway/http2/frame.ts';
import { SETTING } from '../../gateway/http2/settings.ts';
import { type RawHttp2Peer, rawBlock, rawSettings, uint32 } from '../fixtures/raw-http2-peer.ts';
import type { Outcome } from './frame-outcome.ts';

export const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
export const POST = [':method', 'POST', ...GET.slice(2)];
/** The stream that the rules are about. */
export const ID = 1;
const ON_ITSELF = Buffer.concat([uint32(ID), Buffer.from([15])]);
const WHOLE = FLAG.END_HEADERS | FLAG.END_STREAM;

export type Send = (peer: RawHttp2Peer) => void;

function padded(length: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([length]), content, Buffer.alloc(length)]);
}

/** What the tables beside the codec (`gateway/http2/*.test.ts`) do not have, by section of RFC 9113. */
export const SERVER_RULES: ReadonlyArray<readonly [name: string, send: Send, outcome: Outcome]> = [
  [
    '4.1: flags without a meaning are ignored',
    (peer) => {
      peer.send(FRAME.PING, 0xfe, 0, Buffer.alloc(8));
      peer.send(FRAME.SETTINGS, 0xfe, 0);
      peer.headers(ID, POST, 0x40);
      peer.send(FRAME.DATA, 0xf6, ID, 'a');
      peer.send(FRAME.WINDOW_UPDATE, 0xff, ID, uint32(1));
    },
    'fine',
  ],
  [
    '4.2: DATA of the largest size',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.data(ID, Buffer.alloc(16_384));
    },
    'fine',
  ],
  [
    '4.2: DATA that is larger',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.data(ID, Buffer.alloc(16_385));
    },
    'connection FRAME_SIZE_ERROR',
  ],
  [
    '4.3: a block that ends inside a field',
    (peer) => peer.send(FRAME.HEADERS, WHOLE, ID, rawBlock(GET).subarray(0, 40)),
    'connection COMPRESSION_ERROR',
  ],
  [
    '4.3: a broken block of trailers',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.send(FRAME.HEADERS, WHOLE, ID, '\x80');
    },
    'connection COMPRESSION_ERROR',
  ],
  ['5.1.1: ids may be skipped', (peer) => peer.headers(9, GET), 'fine'],
  ['5.1.1: the highest id', (peer) => peer.headers(2 ** 31 - 1, GET), 'fine'],
  [
    '5.3.2: a stream that depends on itself, by PRIORITY: RFC 9113 has no such rule any more',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.send(FRAME.PRIORITY, 0, ID, ON_ITSELF);
    },
    'fine',
  ],
  [
    '5.3.2: a stream that depends on itself, by HEADERS',
    (peer) => peer.send(FRAME.HEADERS, WHOLE | FLAG.PRIORITY, ID, Buffer.concat([ON_ITSELF, rawBlock(GET)])),
    'fine',
  ],
  [
    '5.5: an unknown frame inside a header block',
    (peer) => {
      peer.send(FRAME.HEADERS, FLAG.END_STREAM, ID, rawBlock(GET));
      peer.send(0xbe, 0, ID, 'x');
    },
    'connection PROTOCOL_ERROR',
  ],
  [
    '6.1: DATA that is padding alone',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.send(FRAME.DATA, FLAG.PADDED | FLAG.END_STREAM, ID, padded(255, Buffer.alloc(0)));
    },
    'fine',
  ],
  [
    '6.1: DATA with as much padding as payload',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.send(FRAME.DATA, FLAG.PADDED, ID, '\x04abc');
    },
    'connection PROTOCOL_ERROR',
  ],
  [
    '6.2: HEADERS with padding and priority',
    (peer) =>
      peer.send(
        FRAME.HEADERS,
        WHOLE | FLAG.PADDED | FLAG.PRIORITY,
        ID,
        padded(7, Buffer.concat([Buffer.alloc(5), rawBlock(GET)])),
      ),
    'fine',
  ],
  [
    '6.2: padding that reaches into the priority',
    (peer) => peer.send(FRAME.HEADERS, WHOLE | FLAG.PADDED | FLAG.PRIORITY, ID, '\x03abcdef'),
    'connection PROTOCOL_ERROR',
  ],
  [
    '6.2: an empty block is a request without its pseudo-headers',
    (peer) => peer.headers(ID, []),
    'stream PROTOCOL_ERROR',
  ],
  [
    '6.3: PRIORITY inside a header block',
    (peer) => {
      peer.send(FRAME.HEADERS, FLAG.END_STREAM, ID, rawBlock(GET));
      peer.send(FRAME.PRIORITY, 0, ID, Buffer.alloc(5));
    },
    'connection PROTOCOL_ERROR',
  ],
  [
    '6.4: an error code that nobody knows',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.send(FRAME.RST_STREAM, 0, ID, uint32(0xdead_beef));
    },
    'fine',
  ],
  ['6.5: an acknowledgement that nobody waits for', (peer) => peer.settingsAck(), 'fine'],
  [
    '6.5.2: the limits of each setting',
    (peer) =>
      peer.sendBytes(
        rawSettings([
          [SETTING.HEADER_TABLE_SIZE, 0xffff_ffff],
          [SETTING.ENABLE_PUSH, 1],
          [SETTING.MAX_CONCURRENT_STREAMS, 0],
          [SETTING.INITIAL_WINDOW_SIZE, 2 ** 31 - 1],
          [SETTING.MAX_FRAME_SIZE, 2 ** 24 - 1],
          [SETTING.MAX_HEADER_LIST_SIZE, 0],
          [SETTING.ENABLE_CONNECT_PROTOCOL, 1],
        ]),
      ),
    'fine',
  ],
  ['6.7: a PING with ACK is no question', (peer) => peer.send(FRAME.PING, FLAG.ACK, 0, 'whatever'), 'fine'],
  [
    '6.9.1: a connection window of 2^31-1',
    (peer) => peer.send(FRAME.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1 - 65_535)),
    'fine',
  ],
  [
    '6.9.2: a stream window past 2^31-1 by a setting',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.send(FRAME.WINDOW_UPDATE, 0, ID, uint32(2 ** 31 - 1 - 65_535));
      peer.sendBytes(rawSettings([[SETTING.INITIAL_WINDOW_SIZE, 65_536]]));
    },
    'connection FLOW_CONTROL_ERROR',
  ],
  [
    '6.10: CONTINUATION after a block that is complete',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.send(FRAME.CONTINUATION, FLAG.END_HEADERS, ID, rawBlock(['a', 'b']));
    },
    'connection PROTOCOL_ERROR',
  ],
  [
    '6.10: HEADERS of another stream inside a header block',
    (peer) => {
      peer.send(FRAME.HEADERS, FLAG.END_STREAM, ID, rawBlock(GET));
      peer.headers(3, GET);
    },
    'connection PROTOCOL_ERROR',
  ],
  [
    '8.1: trailers that do not end the stream',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.headers(ID, ['x-sum', '1'], 0);
    },
    'stream PROTOCOL_ERROR',
  ],
];
