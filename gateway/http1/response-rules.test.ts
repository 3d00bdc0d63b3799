import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  answeredWith,
  GET_BLOCK as GET,
  open,
  clientPair as pair,
} from '../../test/fixtures/http1-client-pair.ts';
import { type RecordedResponse, until } from '../../test/fixtures/recorded-exchanges.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a response that breaks the protocol', () => {
  const broken: ReadonlyArray<readonly [name: string, text: string, reason: string]> = [
    ['no status line', 'hello\r\n\r\n', 'status-line'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n', 'status-line'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'status-line'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'status-line'],
    ['a control in the reason', 'HTTP/1.1 200 O\x01K\r\n\r\n', 'status-line'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n\r\n', 'folded-line'],
    ['bare LF', 'HTTP/1.1 200 OK\nX-A: b\n\n', 'bare-lf'],
    ['a pseudo-header in Connection', 'HTTP/1.1 200 OK\r\nConnection: :status\r\n\r\n', 'connection-field'],
    [
      'Content-Length twice',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
      'content-length-twice',
    ],
    [
      'Content-Length with Transfer-Encoding',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'content-length-with-transfer-encoding',
    ],
    [
      'another transfer coding',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
      'transfer-encoding-invalid',
    ],
    ['101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 'upgrade-unasked'],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'chunk-size'],
    ['too many fields', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(101)}\r\n`, 'headers-too-large'],
  ];
  for (const [name, text, reason] of broken) {
    test(name, async (t) => {
      const both = await pair(t);
      const response = await answeredWith(both, text);
      assert.deepEqual(response.failure, { kind: 'protocol', reason });
      assert.deepEqual(both.handler.reasons, [reason]);
      assert.equal(both.connection.available, false);
      await until(() => both.handler.closedReason !== undefined);
    });
  }

  test('bytes after a response, and bytes that nobody asked for', async (t) => {
    const extra = await pair(t);
    const response = await answeredWith(extra, `${OK}HTTP/1.1 200 OK\r\n\r\n`);
    assert.equal(response.failure, undefined);
    await until(() => extra.handler.closedReason !== undefined);
    assert.deepEqual(extra.handler.reasons, ['response-extra-bytes']);
    const unasked = await pair(t);
    unasked.peer.send(OK);
    await until(() => unasked.handler.closedReason !== undefined);
    assert.deepEqual(unasked.handler.reasons, ['response-extra-bytes']);
  });
});

describe('what follows a response', () => {
  const forged = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged';
  for (const [name, text, block] of [
    ['with a length', `${OK}${forged}`, GET],
    [
      'without a body',
      `HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n${forged}`,
      [':method', 'HEAD', ...GET.slice(2)],
    ],
    ['in chunks', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${forged}`, GET],
  ] as const) {
    test(`${name} never answers a request that waits`, async (t) => {
      const both = await pair(t);
      let next: RecordedResponse | undefined;
      both.handler.onAvailable = () => {
        if (both.connection.available) next ??= open(both).response;
      };
      const first = await answeredWith(both, text, [...block]);
      assert.equal(first.failure, undefined);
      assert.equal(first.block?.[1], '200');
      await until(() => both.handler.closedReason !== undefined);
      assert.deepEqual(both.handler.reasons, ['response-extra-bytes']);
      assert.equal(next, undefined);
    });
  }
});
