import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clientPair, GET_BLOCK, open } from '../../test/fixtures/http1-client-pair.ts';
import { Http1CodecServer } from '../../test/fixtures/http1-server.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { SensitiveNames } from '../hpack/indexing.ts';
import { SharedStrings } from '../hpack/shared-strings.ts';
import type { HeaderBlock } from '../http/stream.ts';
import { type WrittenHead, WrittenHeads } from './written-heads.ts';

const HOST = 'host: a.example\r\n';
const BLOCK = [':status', '200', 'server', 'x', 'date', 'today', 'x-a', 'b'];

function written(text: string): WrittenHead {
  return { text, framing: 'none', contentLength: 0 };
}

describe('heads that were written lately', () => {
  it('are found for the same block with the same end alone', () => {
    const heads = new WrittenHeads<WrittenHead>(new SharedStrings(), new SensitiveNames());
    assert.equal(heads.find(BLOCK, true), undefined);
    heads.keep(BLOCK, true, written('text'));
    assert.equal(heads.find([...BLOCK], true)?.text, 'text');
    assert.equal(heads.find(BLOCK, false), undefined);
    for (let at = 1; at < BLOCK.length; at++) {
      // One of the same length: it is looked for in the same place.
      const other = BLOCK.with(at, 'z'.repeat((BLOCK[at] as string).length));
      assert.equal(heads.find(other, true), undefined, `${at}`);
    }
    assert.equal(heads.find(BLOCK.slice(0, -2), true), undefined);
  });

  it('are not kept when they have secrets, or are long', () => {
    const heads = new WrittenHeads<WrittenHead>(new SharedStrings(), new SensitiveNames());
    for (const name of ['authorization', 'proxy-authorization', 'cookie', 'set-cookie']) {
      const block = [...BLOCK, name, name];
      heads.keep(block, true, written('text'));
      assert.equal(heads.find(block, true), undefined, name);
    }
    heads.keep(BLOCK, true, written('x'.repeat(2000)));
    assert.equal(heads.find(BLOCK, true), undefined);
  });

  it('are not kept when they have what a peer calls secret', () => {
    const sensitive = new SensitiveNames();
    const heads = new WrittenHeads<WrittenHead>(new SharedStrings(), sensitive);
    const block = [...BLOCK, 'x-api-key', 'k'];
    sensitive.add('x-api-key');
    heads.keep(block, true, written('text'));
    assert.equal(heads.find(block, true), undefined);
  });

  it('change nothing of a response: it still depends on its request', async (t) => {
    const server = await Http1CodecServer.start(t);
    server.handler.onRequest = (request) => request.stream.sendHeaders([':status', '204', 'x-a', 'b'], true);
    const twice = async (request: string, expected: string): Promise<void> => {
      for (const time of [1, 2, 3]) {
        const peer = await RawHttp1Peer.dial(t, server.port);
        peer.send(request);
        await peer.until('\r\n\r\n');
        assert.equal(peer.received, expected, `${request}, ${time}`);
      }
    };
    for (const status of ['204', '200']) {
      server.handler.onRequest = (request) =>
        request.stream.sendHeaders([':status', status, 'x-a', 'b'], true);
      const line =
        status === '204' ? 'HTTP/1.1 204 No Content\r\nx-a: b\r\n' : 'HTTP/1.1 200 OK\r\nx-a: b\r\n';
      const length = status === '204' ? '' : 'content-length: 0\r\n';
      await twice(`GET / HTTP/1.1\r\n${HOST}\r\n`, `${line}${length}\r\n`);
      await twice(
        `GET / HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`,
        `${line}${length}connection: close\r\n\r\n`,
      );
      await twice(
        `GET / HTTP/1.0\r\n${HOST}connection: keep-alive\r\n\r\n`,
        `${line}${length}connection: keep-alive\r\n\r\n`,
      );
      await twice(`HEAD / HTTP/1.1\r\n${HOST}\r\n`, `${line}\r\n`);
      await twice(`GET / HTTP/1.1\r\n${HOST}\r\n`, `${line}${length}\r\n`);
    }
    server.handler.onRequest = (request) => {
      request.stream.sendHeaders([':status', '200', 'x-a', 'b'], false);
    };
    await twice(
      `GET / HTTP/1.1\r\n${HOST}\r\n`,
      'HTTP/1.1 200 OK\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    server.handler.onRequest = (request) => {
      request.stream.sendHeaders([':status', '200', 'vary', 'content-length'], true);
    };
    await twice(
      `GET / HTTP/1.1\r\n${HOST}\r\n`,
      'HTTP/1.1 200 OK\r\nvary: content-length\r\ncontent-length: 0\r\n\r\n',
    );
  });

  it('change nothing of a request: it still depends on its end', async (t) => {
    const both = await clientPair(t);
    const post = [':method', 'POST', ...GET_BLOCK.slice(2)];
    const line = 'POST /p?q HTTP/1.1\r\nhost: a.example\r\n';
    const sent = async (block: HeaderBlock, endStream: boolean, expected: string): Promise<void> => {
      both.peer.received = '';
      const { response, stream } = open(both, block, endStream);
      if (!endStream) stream.sendTrailers([]);
      await both.peer.until(expected);
      assert.equal(both.peer.received, expected);
      both.peer.send('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      await until(() => response.over);
    };
    for (let time = 0; time < 3; time++) {
      await sent(post, true, `${line}content-length: 0\r\n\r\n`);
      await sent(post, false, `${line}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`);
      await sent(GET_BLOCK, true, 'GET /p?q HTTP/1.1\r\nhost: a.example\r\n\r\n');
    }
  });
});
