import assert from 'node:assert/strict';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { FRAME } from '../../gateway/http2/frame.ts';
import { startServer } from '../bench/program.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { Http2CodecServer } from '../fixtures/http2-server.ts';
import { RawHttp2Peer } from '../fixtures/raw-http2-peer.ts';
import { findTool, missingTools } from '../fixtures/requirement.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { outcomeOf } from './frame-outcome.ts';
import { EXPLAINED } from './http2-differences.ts';
import { GET, ID, POST, SERVER_RULES, type Send } from './http2-server-rules.ts';

const FIELDS: ReadonlyArray<readonly [name: string, fields: readonly string[]]> = [
  ['a good request', GET],
  ['no :path', GET.slice(0, 6)],
  ['no :method', GET.slice(2)],
  ['an empty :path', [...GET.slice(0, 6), ':path', '']],
  [':path twice', [...GET, ':path', '/']],
  ['a pseudo-header after a field', [...GET.slice(0, 6), 'x', 'y', ':path', '/']],
  ['an unknown pseudo-header', [':x', 'y', ...GET]],
  ['connection', [...GET, 'connection', 'close']],
  ['transfer-encoding', [...GET, 'transfer-encoding', 'chunked']],
  ['te: gzip', [...GET, 'te', 'gzip']],
  ['te: trailers', [...GET, 'te', 'trailers']],
  ['an upper-case name', [...GET, 'X-A', 'b']],
  ['CR LF in a value', [...GET, 'x', 'a\r\nb: c']],
  ['NUL in a value', [...GET, 'x', 'a\0']],
  ['a space before a value', [...GET, 'x', ' a']],
  ['an empty value', [...GET, 'x', '']],
  ['content-length that is no number', [...GET, 'content-length', '+1']],
  ['content-length without a body', [...GET, 'content-length', '5']],
  ['content-length twice', [...GET, 'content-length', '0', 'content-length', '0']],
  ['host beside :authority, the same', [...GET, 'host', 'a.example']],
  ['a space in :path', [...GET.slice(0, 6), ':path', '/a b']],
  ['a fragment in :path', [...GET.slice(0, 6), ':path', '/a#b']],
  ['a method that is no token', [':method', 'G T', ...GET.slice(2)]],
  ['CONNECT with a path', [':method', 'CONNECT', ...GET.slice(2)]],
];

const CASES: ReadonlyArray<readonly [name: string, send: Send]> = [
  ...SERVER_RULES.map(([name, send]) => [name, send] as const),
  ...FIELDS.map(([name, fields]) => [name, (peer: RawHttp2Peer) => peer.headers(ID, fields)] as const),
  [
    'content-length longer than the body',
    (peer) => {
      peer.headers(ID, [...POST, 'content-length', '5'], 0);
      peer.data(ID, 'abc', true);
    },
  ],
  [
    'DATA after the end',
    (peer) => {
      peer.headers(ID, POST, 0);
      peer.data(ID, '', true);
      peer.data(ID, 'more');
    },
  ],
];

/** `closed` = without a word. */
async function outcomeAt(t: TestContext, port: number, send: Send): Promise<string> {
  const peer = await RawHttp2Peer.connect(t, port);
  await peer.next(FRAME.SETTINGS, ({ flags }) => flags === 1);
  try {
    return await outcomeOf(peer, ID, () => send(peer));
  } catch (error) {
    if (error instanceof Error && error.message.endsWith('without GOAWAY')) return 'closed';
    throw error;
  } finally {
    peer.socket.destroy();
  }
}

/** None of them answers before the request is over, so that streams stay in their states. */
async function startNode(t: TestContext): Promise<number> {
  const server = createServer();
  server.on('stream', (stream) => {
    // What a peer breaks is what this is about.
    stream.on('error', () => undefined);
    stream.resume();
  });
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function startNghttpd(t: TestContext): Promise<number> {
  const lifetime = new Lifetime();
  t.after(() => lifetime.close());
  const port = await freePort();
  const args = ['--no-tls', '--address=127.0.0.1', '-d', tempFolder(t), '--echo-upload', String(port)];
  await startServer(lifetime, findTool('nghttpd') ?? 'nghttpd', args, port);
  return port;
}

/** Who closes with bytes unread resets the connection, and the reset may overtake the GOAWAY. */
function isLost(theirs: string, expected: string): boolean {
  return theirs === 'closed' && expected.startsWith('connection');
}

describe('the same frames to us, to node:http2 and to nghttpd', { skip: missingTools('nghttpd') }, () => {
  test('every difference is explained', async (t) => {
    const ours = (await Http2CodecServer.start(t)).port;
    const others = { node: await startNode(t), nghttpd: await startNghttpd(t) };
    const differences: Record<string, string> = {};
    for (const [name, send] of CASES) {
      const own = await outcomeAt(t, ours, send);
      for (const [other, port] of Object.entries(others)) {
        const theirs = await outcomeAt(t, port, send);
        if (theirs === own || isLost(theirs, own)) continue;
        const key = `${other}, ${name}`;
        const [known = ''] = EXPLAINED[key] ?? [];
        // Only their half may be lost: ours is what it is.
        const isKnown = isLost(theirs, known) && known.endsWith(`; we: ${own}`);
        differences[key] = isKnown ? known : `${theirs}; we: ${own}`;
      }
    }
    const explained = Object.entries(EXPLAINED).map(([key, [difference]]) => [key, difference]);
    assert.deepEqual(differences, Object.fromEntries(explained));
  });
});
