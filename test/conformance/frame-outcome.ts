import { H2_ERROR } from '../../gateway/http/stream.ts';
import { FLAG, FRAME } from '../../gateway/http2/frame.ts';
import { type RawFrame, type RawHttp2Peer, rawBlock, uint32 } from '../fixtures/raw-http2-peer.ts';
import { until } from '../fixtures/recorded-exchanges.ts';

type ErrorName = keyof typeof H2_ERROR;

/** What an endpoint made of a frame: took or ignored it, ended the stream, or ended the connection. */
export type Outcome = 'fine' | `stream ${ErrorName}` | `connection ${ErrorName}`;

const PROBE = Buffer.from('whatsnew', 'latin1');
const UNKNOWN_FRAME = 0xbe;

/** A well-formed frame of each type, by name, for stream `id`; what HEADERS say is the caller's. */
export const FRAMES: Readonly<
  Record<string, (peer: RawHttp2Peer, id: number, fields: readonly string[]) => void>
> = {
  DATA: (peer, id) => peer.data(id, 'a'),
  HEADERS: (peer, id, fields) => peer.headers(id, fields),
  PRIORITY: (peer, id) => peer.send(FRAME.PRIORITY, 0, id, Buffer.alloc(5)),
  RST_STREAM: (peer, id) => peer.send(FRAME.RST_STREAM, 0, id, uint32(H2_ERROR.CANCEL)),
  SETTINGS: (peer, id) => peer.send(FRAME.SETTINGS, 0, id),
  PUSH_PROMISE: (peer, id) =>
    peer.send(FRAME.PUSH_PROMISE, FLAG.END_HEADERS, id, Buffer.concat([uint32(2), rawBlock([])])),
  PING: (peer, id) => peer.send(FRAME.PING, 0, id, Buffer.alloc(8)),
  GOAWAY: (peer, id) => peer.send(FRAME.GOAWAY, 0, id, Buffer.alloc(8)),
  WINDOW_UPDATE: (peer, id) => peer.send(FRAME.WINDOW_UPDATE, 0, id, uint32(1)),
  CONTINUATION: (peer, id) => peer.send(FRAME.CONTINUATION, FLAG.END_HEADERS, id, rawBlock([])),
  unknown: (peer, id) => peer.send(UNKNOWN_FRAME, 0xff, id, 'extension'),
};

/** Sends, then a PING: whatever comes before its answer is what the endpoint made of it. */
export async function outcomeOf(peer: RawHttp2Peer, id: number, send: () => void): Promise<Outcome> {
  const seen = peer.frames.length;
  send();
  peer.send(FRAME.PING, 0, 0, PROBE);
  const isEnd = ({ type, payload }: RawFrame): boolean =>
    type === FRAME.GOAWAY || (type === FRAME.PING && payload.equals(PROBE));
  const news = (): RawFrame[] => peer.frames.slice(seen);
  await until(() => news().some(isEnd) || peer.socket.destroyed);
  const goAway = news().find(({ type }) => type === FRAME.GOAWAY);
  if (goAway !== undefined) return `connection ${errorName(goAway.payload.readUInt32BE(4))}`;
  const reset = news().find(({ type, streamId }) => type === FRAME.RST_STREAM && streamId === id);
  if (reset !== undefined) return `stream ${errorName(reset.payload.readUInt32BE())}`;
  if (!news().some(isEnd)) throw new Error('the connection ended without GOAWAY');
  return 'fine';
}

function errorName(code: number): ErrorName {
  for (const [name, known] of Object.entries(H2_ERROR)) if (known === code) return name as ErrorName;
  throw new Error(`error code ${code} is not in RFC 9113 section 7`);
}
