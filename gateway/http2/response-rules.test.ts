import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clientSockets } from '../../test/fixtures/codec-client.ts';
import { begin, failureOf, GET, OK, pair } from '../../test/fixtures/http2-client-pair.ts';
import { RawHttp2Peer } from '../../test/fixtures/raw-http2-peer.ts';
import { RecordedResponse, until } from '../../test/fixtures/recorded-exchanges.ts';
import { Http2ClientConnection } from './client-connection.ts';
import { FRAME } from './frame.ts';
import { UPSTREAM_HTTP2 } from './options.ts';
import { SETTING } from './settings.ts';

type Send = (peer: RawHttp2Peer, id: number) => void;

describe('a body before the final headers is malformed', () => {
  const cases: ReadonlyArray<readonly [name: string, send: Send]> = [
    ['at once', (peer, id) => peer.data(id, 'body')],
    ['empty, with the end', (peer, id) => peer.data(id, '', true)],
    [
      'after an informational response',
      (peer, id) => {
        peer.headers(id, [':status', '103'], 0);
        peer.data(id, 'body', true);
      },
    ],
  ];
  for (const [name, send] of cases) {
    test(name, async (t) => {
      const both = await pair(t);
      const { response, id } = await begin(both);
      send(both.peer, id);
      assert.deepEqual(await failureOf(response), { kind: 'protocol', reason: 'data-before-headers' });
      assert.equal(response.body.length, 0);
      const next = await begin(both);
      both.peer.headers(next.id, OK);
      await until(() => next.response.ended);
    });
  }

  test('in place of SETTINGS it ends the connection', async (t) => {
    const { socket, accepted, resources, handler } = await clientSockets(t);
    const connection = new Http2ClientConnection(socket, UPSTREAM_HTTP2, handler, resources);
    const response = new RecordedResponse();
    connection.open(response, GET, true);
    new RawHttp2Peer(t, accepted, 'server').data(1, 'body');
    assert.deepEqual(await failureOf(response), { kind: 'connection-lost' });
    assert.deepEqual(handler.reasons, ['settings-missing']);
  });
});

describe('a response that has no body', () => {
  const HEAD = [':method', 'HEAD', ...GET.slice(2)];
  const cases: ReadonlyArray<readonly [name: string, request: string[], response: string[]]> = [
    ['to HEAD', HEAD, [...OK, 'content-length', '4']],
    ['204', GET, [':status', '204']],
    ['304', GET, [':status', '304', 'content-length', '4']],
  ];
  for (const [name, request, head] of cases) {
    test(`${name}: fails with one`, async (t) => {
      const both = await pair(t);
      const { response, id } = await begin(both, request);
      both.peer.headers(id, head, 0);
      both.peer.data(id, 'body', true);
      assert.deepEqual(await failureOf(response), { kind: 'protocol', reason: 'content-length-mismatch' });
      assert.equal(response.body.length, 0);
    });

    test(`${name}: may end with an empty DATA frame`, async (t) => {
      const both = await pair(t);
      const { response, id } = await begin(both, request);
      both.peer.headers(id, head, 0);
      both.peer.data(id, '', true);
      await until(() => response.over);
      assert.equal(response.failure, undefined);
    });
  }
});

describe('a tunnel whose answer ends the stream', () => {
  const GET_UPGRADE = [...GET, 'upgrade', 'websocket'];
  const cases: ReadonlyArray<readonly [name: string, request: string[], answer: string[]]> = [
    ['CONNECT', [':method', 'CONNECT', ':authority', 'a.example:1'], OK],
    ['extended CONNECT', GET_UPGRADE, [':status', '101', 'upgrade', 'websocket']],
  ];
  for (const [name, request, answer] of cases) {
    test(name, async (t) => {
      const both = await pair(t, [[SETTING.ENABLE_CONNECT_PROTOCOL, 1]]);
      const { response, stream, id } = await begin(both, request, false);
      both.peer.headers(id, OK);
      await until(() => response.ended);
      assert.deepEqual(response.block, answer);
      stream.sendData(Buffer.from('still open'), 0, 10, true);
      assert.equal((await both.peer.next(FRAME.DATA)).payload.toString(), 'still open');
      assert.equal(both.connection.openStreams, 0);
    });
  }
});
