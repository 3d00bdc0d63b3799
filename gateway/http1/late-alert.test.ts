import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { GET_BLOCK } from '../../test/fixtures/http1-client-pair.ts';
import { RecordedResponse, RecordingClientHandler, until } from '../../test/fixtures/recorded-exchanges.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import { createCodecResources } from '../http/resources.ts';
import { Http1ClientConnection } from './client-connection.ts';
import { UPSTREAM_HTTP1 } from './options.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';

interface Scene {
  readonly connection: Http1ClientConnection;
  readonly socket: TLSSocket;
}

/** Our connection to a server that answers its first request and no other. */
async function answeringOnce(t: TestContext): Promise<Scene> {
  const { certificatePem, keyPem, caPem } = await serverCertificate();
  const server = createServer({ cert: certificatePem, key: keyPem }, (accepted) => {
    accepted.on('error', () => undefined);
    accepted.once('data', () => accepted.write(ANSWER));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ca: caPem });
  const resources = createCodecResources();
  t.after(() => {
    socket.destroy();
    server.close();
    resources.timers.close();
  });
  await once(socket, 'secureConnect');
  const connection = new Http1ClientConnection(
    socket,
    UPSTREAM_HTTP1,
    new RecordingClientHandler(),
    resources,
  );
  return { connection, socket };
}

/** As OpenSSL tells of an alert that the server sent. */
function alerted(socket: TLSSocket): void {
  socket.destroy(Object.assign(new Error('alert'), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }));
}

test('a TLS alert before any answer is a handshake that failed: nothing was processed', async (t) => {
  const { connection, socket } = await answeringOnce(t);
  const response = new RecordedResponse();
  connection.open(response, [...GET_BLOCK], true);
  alerted(socket);
  await until(() => response.over);
  assert.equal(response.failure?.kind, 'connect');
});

test('a TLS alert after an answer is a lost connection: its request may have been processed', async (t) => {
  const { connection, socket } = await answeringOnce(t);
  const first = new RecordedResponse();
  connection.open(first, [...GET_BLOCK], true);
  await until(() => first.ended && connection.available);
  const second = new RecordedResponse();
  connection.open(second, [...GET_BLOCK], true);
  // It has left, and was not answered.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  alerted(socket);
  await until(() => second.over);
  assert.deepEqual(second.failure, { kind: 'connection-lost' });
});
