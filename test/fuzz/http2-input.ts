import { FLAG, FRAME, PREFACE } from '../../gateway/http2/frame.ts';
import { rawBlock, rawFrame, rawSettings, uint32 } from '../fixtures/raw-http2-peer.ts';
import { mutateBytes } from './http1-input.ts';
import type { Random } from './random.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const POST = [':method', 'POST', ...GET.slice(2)];
const CONNECT = [':method', 'CONNECT', ':authority', 'a.example:1'];
const WEBSOCKET = [':method', 'CONNECT', ':protocol', 'websocket', ...GET.slice(2)];
const INSERT = Buffer.from([0x40, 1, 0x61, 1, 0x62]);
const NAMED = Buffer.from([0xbe]);

const REQUEST_BLOCKS = [
  ...[GET, GET, POST, POST, CONNECT, WEBSOCKET, [':method', 'HEAD', ...GET.slice(2)]].map(rawBlock),
  rawBlock([...POST, 'content-length', '10']),
  rawBlock([...GET, 'connection', 'close']),
  rawBlock([...GET, 'x', 'a\r\nb']),
  rawBlock(['x-trailer', '1']),
  rawBlock([]),
  Buffer.concat([rawBlock(GET), INSERT]),
  Buffer.concat([INSERT, NAMED]),
  Buffer.concat([Buffer.from([0x3f, 0xe1, 0x1f]), rawBlock(GET)]),
];
const RESPONSE_BLOCKS = [
  ...['200', '200', '200', '103', '204', '304', '404', '101', '99'].map((status) =>
    rawBlock([':status', status]),
  ),
  rawBlock([':status', '200', 'content-length', '10']),
  rawBlock(['x-trailer', '1']),
  Buffer.concat([rawBlock([':status', '200']), INSERT]),
  Buffer.concat([rawBlock([':status', '200']), NAMED]),
  rawBlock([]),
];

/** What a client may send: its preface, and frames that mean something most of the time. */
export function http2Requests(random: Random): Buffer {
  const frames = [PREFACE, rawSettings([]), rawFrame(FRAME.SETTINGS, FLAG.ACK, 0)];
  let next = 1;
  for (let count = random.below(25); count > 0; count--) {
    const opens = random.once(3);
    if (opens) frames.push(...headers(random, next, random.pick(REQUEST_BLOCKS)));
    else frames.push(...anyFrame(random, REQUEST_BLOCKS));
    if (opens) next += 2;
  }
  return mutateBytes(Buffer.concat(frames), random);
}

/** What a server may send. */
export function http2Responses(random: Random): Buffer {
  const frames = [rawSettings([[8, 1]]), rawFrame(FRAME.SETTINGS, FLAG.ACK, 0)];
  for (let count = random.below(25); count > 0; count--) {
    if (random.once(3))
      frames.push(...headers(random, 1 + 2 * random.below(5), random.pick(RESPONSE_BLOCKS)));
    else frames.push(...anyFrame(random, RESPONSE_BLOCKS));
  }
  return mutateBytes(Buffer.concat(frames), random);
}

function headers(random: Random, id: number, block: Buffer): Buffer[] {
  const end = random.once(2) ? FLAG.END_STREAM : 0;
  if (random.once(4)) {
    const at = random.below(block.length + 1);
    return [
      rawFrame(FRAME.HEADERS, end, id, block.subarray(0, at)),
      rawFrame(FRAME.CONTINUATION, FLAG.END_HEADERS, id, block.subarray(at)),
    ];
  }
  if (!random.once(4)) return [rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | end, id, block)];
  const padding = random.below(8);
  const padded = Buffer.concat([Buffer.from([padding]), block, Buffer.alloc(padding)]);
  return [rawFrame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.PADDED | end, id, padded)];
}

function anyFrame(random: Random, blocks: readonly Buffer[]): Buffer[] {
  const id = random.below(12);
  const body = Buffer.alloc(random.pick([0, 1, 5, 10, 300]), 'd');
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      return [rawFrame(FRAME.DATA, random.pick([0, 0, FLAG.END_STREAM, FLAG.PADDED]), id | 1, body)];
    case 3:
      return headers(random, id | 1, random.pick(blocks));
    case 4:
      return [
        rawFrame(
          FRAME.WINDOW_UPDATE,
          0,
          random.pick([0, id | 1]),
          uint32(random.pick([0, 1, 70_000, 2 ** 31 - 1])),
        ),
      ];
    case 5:
      return [rawFrame(FRAME.RST_STREAM, 0, id | 1, uint32(random.below(16)))];
    case 6:
      return [rawSettings([[random.below(10), random.pick([0, 1, 100, 4096, 16_384, 65_536, 2 ** 31])]])];
    case 7:
      return [rawFrame(FRAME.PING, random.below(2), 0, Buffer.alloc(8, id))];
    case 8:
      return [rawFrame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(id), uint32(random.below(14))]))];
    default:
      return [rawFrame(random.below(14), random.below(256), id, body.subarray(0, random.below(20)))];
  }
}
