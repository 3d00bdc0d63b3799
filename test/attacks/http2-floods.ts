import type { RejectionReason } from '../../federation/model/rejections.ts';
import { FLAG, FRAME, PREFACE } from '../../gateway/http2/frame.ts';
import { rawBlock, rawFrame, rawSettings, uint32 } from '../fixtures/raw-http2-peer.ts';
import type { Attack, Victim } from './attack.ts';
import { HostileSocket } from './hostile-socket.ts';

const HELLO = Buffer.concat([PREFACE, rawSettings([]), rawFrame(FRAME.SETTINGS, FLAG.ACK, 0)]);
const ALL_IN_ONE = FLAG.END_STREAM | FLAG.END_HEADERS;
const FRAMES_AT_ONCE = 200;

export function requestBlock(authority: string, method = 'GET', path = '/'): Buffer {
  return rawBlock([':method', method, ':scheme', 'http', ':authority', authority, ':path', path]);
}

/** A connection that has begun as it should. */
export async function openHttp2(victim: Victim, hello: Buffer = HELLO): Promise<HostileSocket> {
  const socket = HostileSocket.open(victim.port);
  await socket.send(hello);
  return socket;
}

/** The same frame for ever. */
function frameFlood(name: string, abuse: string, reason: RejectionReason, frame: Buffer): Attack {
  const frames = Buffer.concat(Array<Buffer>(FRAMES_AT_ONCE).fill(frame));
  return {
    name,
    abuse,
    reasons: [reason],
    perSecond: 20,
    attempt: async (victim) => (await openHttp2(victim)).flood(frames),
  };
}

/** Streams that are opened for nothing, with `after` on each. */
function streamFlood(name: string, abuse: string, after: (streamId: number) => Buffer): Attack {
  return {
    name,
    abuse,
    reasons: ['rapid-reset'],
    perSecond: 2,
    attempt: async (victim) => {
      const socket = await openHttp2(victim);
      const block = requestBlock(victim.authority);
      let going = true;
      for (let streamId = 1; going; ) {
        const frames: Buffer[] = [];
        for (let count = 0; count < FRAMES_AT_ONCE; count++, streamId += 2) {
          frames.push(rawFrame(FRAME.HEADERS, ALL_IN_ONE, streamId, block), after(streamId));
        }
        going = await socket.send(Buffer.concat(frames));
      }
      socket.socket.destroy();
    },
  };
}

const CANCEL = uint32(8);
/** How RST_STREAM begins: its length and type. */
const RESET = '\x00\x00\x04\x03';
/** What the gateway answers by itself. */
export const UNKNOWN_AUTHORITY = 'nobody.example';

export const HTTP2_FLOODS: readonly Attack[] = [
  streamFlood('rapid-reset', 'requests that are reset at once', (streamId) =>
    rawFrame(FRAME.RST_STREAM, 0, streamId, CANCEL),
  ),
  streamFlood('made-you-reset', 'requests with a mistake that we must answer with a reset', (streamId) =>
    rawFrame(FRAME.WINDOW_UPDATE, 0, streamId, uint32(0)),
  ),
  frameFlood('ping-flood', 'PING', 'ping-flood', rawFrame(FRAME.PING, 0, 0, Buffer.alloc(8))),
  frameFlood('settings-flood', 'SETTINGS', 'settings-flood', rawSettings([])),
  frameFlood('priority-flood', 'PRIORITY', 'priority-flood', rawFrame(FRAME.PRIORITY, 0, 7, Buffer.alloc(5))),
  frameFlood(
    'window-update-flood',
    'WINDOW_UPDATE of one byte',
    'window-update-flood',
    rawFrame(FRAME.WINDOW_UPDATE, 0, 0, uint32(1)),
  ),
  frameFlood('unknown-frame-flood', 'frames of no known type', 'unknown-frame-flood', rawFrame(0xf0, 0, 0)),
  frameFlood('goaway-flood', 'GOAWAY', 'goaway-flood', rawFrame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8))),
  {
    name: 'empty-data-flood',
    abuse: 'DATA without a byte',
    reasons: ['empty-data-flood'],
    perSecond: 20,
    attempt: async (victim) => {
      const socket = await openHttp2(victim);
      await socket.send(rawFrame(FRAME.HEADERS, FLAG.END_HEADERS, 1, requestBlock(victim.authority, 'POST')));
      await socket.flood(Buffer.concat(Array<Buffer>(FRAMES_AT_ONCE).fill(rawFrame(FRAME.DATA, 0, 1))));
    },
  },
  {
    name: 'endless-body',
    abuse: 'a body that goes on and on after the answer to its request',
    reasons: ['unwanted-body'],
    perSecond: 2,
    attempt: async (victim) => {
      const socket = await openHttp2(victim);
      await socket.send(
        rawFrame(FRAME.HEADERS, FLAG.END_HEADERS, 1, requestBlock(UNKNOWN_AUTHORITY, 'POST')),
      );
      const body = Buffer.concat(Array<Buffer>(8).fill(rawFrame(FRAME.DATA, 0, 1, Buffer.alloc(16_384))));
      await Promise.all([socket.until(RESET), socket.flood(body)]);
    },
  },
  {
    name: 'continuation-flood',
    abuse: 'a header block that has no end',
    reasons: ['continuation-flood'],
    perSecond: 20,
    attempt: async (victim) => {
      const socket = await openHttp2(victim);
      await socket.send(rawFrame(FRAME.HEADERS, 0, 1, requestBlock(victim.authority)));
      await socket.flood(rawFrame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(4096)));
    },
  },
  {
    name: 'hpack-bomb',
    abuse: 'a small block that stands for a large one',
    reasons: ['headers-too-large'],
    perSecond: 50,
    attempt: async (victim) => {
      const socket = await openHttp2(victim);
      const entry = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 'b')]);
      const bomb = Buffer.concat([requestBlock(victim.authority), entry, Buffer.alloc(12_000, 0xbe)]);
      await socket.send(rawFrame(FRAME.HEADERS, ALL_IN_ONE, 1, bomb));
      await pinged(socket);
    },
  },
];

const MARK = 'attacked';

/** Resolves when everything before has been looked at. */
export async function pinged(socket: HostileSocket): Promise<void> {
  await socket.send(rawFrame(FRAME.PING, 0, 0, MARK));
  await socket.until(MARK);
}
