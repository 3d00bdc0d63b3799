import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { H2_ERROR } from '../../gateway/http/stream.ts';
import { FRAME } from '../../gateway/http2/frame.ts';
import { begin, GET, type Http2ClientPair, OK, POST, pair } from '../fixtures/http2-client-pair.ts';
import { uint32 } from '../fixtures/raw-http2-peer.ts';
import { until } from '../fixtures/recorded-exchanges.ts';
import { FRAMES, type Outcome, outcomeOf } from './frame-outcome.ts';

const TRAILERS = ['x-sum', '1'];
const NEVER_OPENED = 99;

const PROTOCOL = 'connection PROTOCOL_ERROR';
const CLOSED = 'connection STREAM_CLOSED';

/** Brings our stream into a state of RFC 9113 section 5.1; returns its id. */
const STATES: Readonly<Record<string, (both: Http2ClientPair) => Promise<number>>> = {
  idle: async () => NEVER_OPENED,
  'open, before the response': async (both) => (await begin(both, POST, false)).id,
  'half-closed (local), before the response': async (both) => (await begin(both)).id,
  'half-closed (local), in the response': async (both) => {
    const { id, response } = await begin(both);
    both.peer.headers(id, OK, 0);
    await until(() => response.block !== undefined);
    return id;
  },
  'half-closed (remote)': async (both) => {
    const { id, response } = await begin(both, POST, false);
    both.peer.headers(id, OK);
    await until(() => response.ended);
    return id;
  },
  'closed by both ends': async (both) => {
    const { id, response } = await begin(both);
    both.peer.headers(id, OK);
    await until(() => response.ended);
    return id;
  },
  'closed by our RST_STREAM': async (both) => {
    const { id, stream } = await begin(both);
    stream.reset(H2_ERROR.CANCEL);
    await both.peer.next(FRAME.RST_STREAM);
    return id;
  },
  "closed by the server's RST_STREAM": async (both) => {
    const { id, response } = await begin(both);
    both.peer.send(FRAME.RST_STREAM, 0, id, uint32(H2_ERROR.CANCEL));
    await until(() => response.over);
    return id;
  },
};

const ALWAYS_WRONG = Object.fromEntries(Object.keys(STATES).map((state) => [state, PROTOCOL] as const));
const ALWAYS_FINE = Object.fromEntries(Object.keys(STATES).map((state) => [state, 'fine'] as const));

/** Frame × state → outcome; RFC 9113 section 5.1 and the frame's own section. */
const TABLE: Readonly<Record<string, Readonly<Record<string, Outcome>>>> = {
  DATA: {
    idle: PROTOCOL,
    'open, before the response': 'stream PROTOCOL_ERROR',
    'half-closed (local), before the response': 'stream PROTOCOL_ERROR',
    'half-closed (local), in the response': 'fine',
    'half-closed (remote)': 'stream STREAM_CLOSED',
    'closed by both ends': CLOSED,
    'closed by our RST_STREAM': 'fine',
    "closed by the server's RST_STREAM": CLOSED,
  },
  HEADERS: {
    idle: PROTOCOL,
    'open, before the response': 'fine',
    'half-closed (local), before the response': 'fine',
    'half-closed (local), in the response': 'fine',
    'half-closed (remote)': 'stream STREAM_CLOSED',
    'closed by both ends': CLOSED,
    'closed by our RST_STREAM': 'fine',
    "closed by the server's RST_STREAM": CLOSED,
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

async function outcome(t: TestContext, frame: string, state: string): Promise<Outcome | undefined> {
  const both = await pair(t);
  const id = await STATES[state]?.(both);
  if (id === undefined) return undefined;
  const fields = state.includes('in the response') ? TRAILERS : OK;
  return outcomeOf(both.peer, id, () => FRAMES[frame]?.(both.peer, id, fields));
}

describe('the client role: every frame in every state of a stream', () => {
  for (const [frame, states] of Object.entries(TABLE)) {
    for (const [state, expected] of Object.entries(states)) {
      test(`${frame}, stream ${state}: ${expected}`, async (t) => {
        assert.equal(await outcome(t, frame, state), expected);
      });
    }
  }

  test('on a stream of the server, which it may not open: an error of the connection', async (t) => {
    for (const frame of ['DATA', 'HEADERS', 'RST_STREAM', 'WINDOW_UPDATE']) {
      const both = await pair(t);
      await begin(both, GET);
      assert.equal(await outcomeOf(both.peer, 2, () => FRAMES[frame]?.(both.peer, 2, OK)), PROTOCOL, frame);
    }
  });

  test('the table has each frame and each state', () => {
    assert.deepEqual(Object.keys(TABLE), Object.keys(FRAMES));
    for (const states of Object.values(TABLE)) assert.equal(Object.keys(states).length, 8);
  });
});
