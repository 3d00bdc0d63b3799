import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { FLAG, FRAME } from '../../gateway/http2/frame.ts';
import { Http2CodecServer } from '../fixtures/http2-server.ts';
import { RawHttp2Peer, rawBlock, uint32 } from '../fixtures/raw-http2-peer.ts';
import { until } from '../fixtures/recorded-exchanges.ts';
import { outcomeOf } from './frame-outcome.ts';
import { GET, ID, SERVER_RULES } from './http2-server-rules.ts';

async function connected(t: TestContext): Promise<{ server: Http2CodecServer; peer: RawHttp2Peer }> {
  const server = await Http2CodecServer.start(t);
  const peer = await RawHttp2Peer.connect(t, server.port);
  await peer.next(FRAME.SETTINGS, ({ flags }) => flags === FLAG.ACK);
  return { server, peer };
}

describe('the server role: rules of RFC 9113', () => {
  for (const [name, send, outcome] of SERVER_RULES) {
    test(name, async (t) => {
      const { peer } = await connected(t);
      assert.equal(await outcomeOf(peer, ID, () => send(peer)), outcome);
    });
  }

  test('6.8: a client that says GOAWAY gets its answers', async (t) => {
    const { server, peer } = await connected(t);
    peer.headers(ID, GET);
    peer.send(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(0), Buffer.from('bye')]));
    await until(() => server.requests.length === 1);
    assert.equal(await outcomeOf(peer, ID, () => undefined), 'fine');
    server.requests[0]?.respond(200, 'hello');
    assert.equal((await peer.next(FRAME.DATA)).payload.toString(), 'hello');
  });

  test('6.8: GOAWAY after an error names the highest stream that was taken on', async (t) => {
    const { server, peer } = await connected(t);
    peer.headers(7, GET);
    await until(() => server.requests.length === 1);
    peer.send(FRAME.PING, 0, 0, 'short');
    assert.equal((await peer.next(FRAME.GOAWAY)).payload.readUInt32BE(0), 7);
  });

  test('8.1: a block cut in two at every byte means the same', async (t) => {
    const { server, peer } = await connected(t);
    const block = rawBlock(GET);
    for (let cut = 0; cut <= block.length; cut++) {
      const id = 2 * cut + 1;
      peer.send(FRAME.HEADERS, FLAG.END_STREAM, id, block.subarray(0, cut));
      peer.send(FRAME.CONTINUATION, FLAG.END_HEADERS, id, block.subarray(cut));
    }
    await until(() => server.requests.length === block.length + 1);
    for (const request of server.requests) assert.deepEqual(request.block, GET);
    assert.deepEqual(server.reasons, []);
  });

  test('8.2.3: a cookie in several fields', async (t) => {
    const { server, peer } = await connected(t);
    const fields = [...GET, 'cookie', 'a=b', 'cookie', 'c=d'];
    peer.headers(ID, fields);
    await until(() => server.requests.length === 1);
    assert.deepEqual(server.requests[0]?.block, fields);
  });
});
