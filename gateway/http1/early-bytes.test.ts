import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answeredWith, type Begun, open, clientPair as pair } from '../../test/fixtures/http1-client-pair.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('what came before its request was sent is nobody’s answer, and the request goes elsewhere', async (t) => {
  const both = await pair(t);
  await answeredWith(both, OK);
  // Of an immediate, so that the connection reads before the turn's end, when the request would leave.
  const { response } = await new Promise<Begun>((resolve) => {
    setImmediate(() => {
      both.peer.send(OK);
      resolve(open(both));
    });
  });
  await until(() => response.over);
  assert.deepEqual(response.failure, { kind: 'refused' });
  assert.equal(response.block, undefined);
  assert.deepEqual(both.handler.reasons, ['response-extra-bytes']);
  assert.equal(both.connection.available, false);
});
