import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { H2_ERROR } from '../../gateway/http/stream.ts';
import { FRAME } from '../../gateway/http2/frame.ts';
import { Http2CodecServer } from '../fixtures/http2-server.ts';
import { RawHttp2Peer, uint32 } from '../fixtures/raw-http2-peer.ts';
import { type RecordedRequest, until } from '../fixtures/recorded-exchanges.ts';
import { FRAMES, type Outcome, outcomeOf } from './frame-outcome.ts';

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path', '/'];
const POST = [':method', 'POST', ...GET.slice(2)];
const TRAILERS = ['x-sum', '1'];
const ID = 1;

const PROTOCOL = 'connection PROTOCOL_ERROR';
const CLOSED = 'connection STREAM_CLOSED';

/** How the client brings its stream into a state of RFC 9113 section 5.1; `respond` is what our side does. */
const STATES: Readonly<
  Record<
    string,
    {
      readonly open?: (peer: RawHttp2Peer) => void;
      readonly respond?: (request: RecordedRequest) => void;
      readonly reached?: (peer: RawHttp2Peer) => boolean;
    }
  >
> = {
  idle: {},
  open: { open: (peer) => peer.headers(ID, POST, 0) },
  'half-closed (remote)': { open: (peer) => peer.headers(ID, GET) },
  'half-closed (local)': {
    open: (peer) => peer.headers(ID, POST, 0),
    respond: (request) => request.respond(200),
    reached: (peer) => peer.frames.some(({ type }) => type === FRAME.HEADERS),
  },
  'closed by both ends': {
    open: (peer) => peer.headers(ID, GET),
    respond: (request) => request.respond(200),
    reached: (peer) => peer.frames.some(({ type }) => type === FRAME.HEADERS),
  },
  'closed by our RST_STREAM': {
    open: (peer) => peer.headers(ID, POST, 0),
    respond: (request) => request.stream.reset(H2_ERROR.CANCEL),
    reached: (peer) => peer.frames.some(({ type }) => type === FRAME.RST_STREAM),
  },
  "closed by the client's RST_STREAM": {
    open: (peer) => {
      peer.headers(ID, POST, 0);
      peer.send(FRAME.RST_STREAM, 0, ID, uint32(H2_ERROR.CANCEL));
    },
  },
};

const ALWAYS_WRONG = Object.fromEntries(Object.keys(STATES).map((state) => [state, PROTOCOL] as const));
const ALWAYS_FINE = Object.fromEntries(Object.keys(STATES).map((state) => [state, 'fine'] as const));

/** Frame × state → outcome; RFC 9113 section 5.1 and the frame's own section. */
const TABLE: Readonly<Record<string, Readonly<Record<string, Outcome>>>> = {
  DATA: {
    idle: PROTOCOL,
    open: 'fine',
    'half-closed (remote)': 'stream STREAM_CLOSED',
    'half-closed (local)': 'fine',
    'closed by both ends': CLOSED,
    'closed by our RST_STREAM': 'fine',
    "closed by the client's RST_STREAM": CLOSED,
  },
  HEADERS: {
    idle: 'fine',
    open: 'fine',
    'half-closed (remote)': 'stream STREAM_CLOSED',
    'half-closed (local)': 'fine',
    'closed by both ends': CLOSED,
    'closed by our RST_STREAM': 'fine',
    "closed by the client's RST_STREAM": CLOSED,
  },
  PRIORITY: ALWAYS_FINE,
  RST_STREAM: { ...ALWAYS_FINE, idle: PROTOCOL },
  SETTINGS: ALWAYS_WRONG,
  PUSH_PROMISE: ALWAYS_WRONG,
  PING: ALWAYS_WRONG,
  GOAWAY: ALWAYS_WRONG,
  WINDOW_UPDATE: { ...ALWAYS_FINE, idle: PROTOCOL },
  CONTINUATION: ALWAYS_WRONG,
  unknown: ALWAYS_FINE,
};

async function inState(t: TestContext, state: string): Promise<RawHttp2Peer> {
  const { open, respond, reached } = STATES[state] ?? {};
  const server = await Http2CodecServer.start(t);
  if (respond !== undefined) server.handler.onRequest = respond;
  const peer = await RawHttp2Peer.connect(t, server.port);
  await peer.next(FRAME.SETTINGS, ({ flags }) => flags === 1);
  open?.(peer);
  if (open !== undefined) await until(() => server.requests.length === 1);
  if (reached !== undefined) await until(() => reached(peer));
  return peer;
}

describe('the server role: every frame in every state of a stream', () => {
  for (const [frame, states] of Object.entries(TABLE)) {
    for (const [state, expected] of Object.entries(states)) {
      test(`${frame}, stream ${state}: ${expected}`, async (t) => {
        const peer = await inState(t, state);
        const fields = state === 'idle' ? GET : TRAILERS;
        assert.equal(await outcomeOf(peer, ID, () => FRAMES[frame]?.(peer, ID, fields)), expected);
      });
    }
  }

  test('the table has each frame and each state', () => {
    assert.deepEqual(Object.keys(TABLE), Object.keys(FRAMES));
    for (const states of Object.values(TABLE)) assert.equal(Object.keys(states).length, 7);
  });
});
