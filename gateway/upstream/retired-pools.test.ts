import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Http1Backend } from '../../test/fixtures/http1-backend.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';
import { POD_HOST, simpleTls, UpstreamScene } from '../../test/fixtures/upstream-scene.ts';
import type { EndpointConnections } from './connection-pool.ts';
import type { AcquireFailure, ConnectionWaiter } from './connection-source.ts';
import { HTTP1_POOL } from './endpoint-pools.ts';
import { NegotiatedPool } from './negotiated-pool.ts';

const TLS_HANDSHAKE = 22;

/** A pod that answers HTTP/1.1 in plaintext, and leaves whoever begins TLS, or HTTP/2, without a word. */
class PlainPod {
  readonly port: number;
  /** Of those who are left without a word. */
  readonly mute = new Set<Socket>();

  private constructor(port: number) {
    this.port = port;
  }

  static async start(t: TestContext): Promise<PlainPod> {
    const http = createHttpServer((request, response) => {
      request.resume();
      request.once('end', () => response.end('plaintext'));
    });
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('data', (chunk) => {
        if (chunk[0] === TLS_HANDSHAKE || chunk.toString('latin1').startsWith('PRI ')) {
          pod.mute.add(socket);
          socket.once('close', () => pod.mute.delete(socket));
          return;
        }
        socket.unshift(chunk);
        http.emit('connection', socket);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const pod = new PlainPod((server.address() as AddressInfo).port);
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return pod;
  }
}

/** TLS that its pod never answers. */
async function handshakeForEver(): Promise<Partial<TestService>> {
  const upstreamTls = simpleTls(await serverCertificate([POD_HOST]));
  return { upstreamTls, connectionPool: { connectTimeoutMs: 60_000 } };
}

describe('requests that wait for a connection', () => {
  for (const pods of [1, 9]) {
    it(`go to the pods (${pods}) by the new policy when theirs changes`, async (t) => {
      const all = await Promise.all(Array.from({ length: pods }, () => PlainPod.start(t)));
      const waiting = () => all.reduce((sum, { mute }) => sum + mute.size, 0);
      const at = await UpstreamScene.start(t, {
        endpoints: all.map(({ port }) => port),
        loadBalancing: { kind: 'round-robin', slowStart: undefined },
      });
      at.useService(await handshakeForEver());
      // POSTs, which are not sent twice unless it is certain that they were not processed.
      const asked = Array.from({ length: pods * 2 }, () => at.client.request({}, 'once'));
      await until(() => waiting() === pods);
      at.useService({});
      const answers = await Promise.all(asked);
      assert.deepEqual(new Set(answers.map(({ body }) => String(body))), new Set(['plaintext']));
      // A change of ours says nothing of the pods.
      assert.ok(at.gateway.seen.every(({ attempts }) => attempts === 2));
      const [route] = at.gateway.engine.table.routes();
      for (const { runtime } of route?.endpoints ?? []) assert.equal(runtime.consecutiveFailures, 0);
    });
  }

  it('go to other pods when theirs goes, and fail when none is left', async (t) => {
    const pod = await PlainPod.start(t);
    const other = await Http1Backend.start(t, 'other');
    const at = await UpstreamScene.start(t, { endpoints: [pod.port] });
    const handshake = await handshakeForEver();
    at.useService(handshake);
    const first = at.client.request({}, 'once');
    await until(() => pod.mute.size === 1);
    at.useService({ endpoints: [other.port] });
    assert.equal((await first).status, 200);
    at.useService(handshake);
    const second = at.ask();
    await until(() => pod.mute.size === 2);
    at.useService({ endpoints: [] });
    assert.match(await second, /^503 /);
    assert.equal(at.gateway.seen.at(-1)?.failure, 'noHealthyUpstream');
  });
});

describe('a pod that never says its SETTINGS', () => {
  it('holds no connection once it is gone from the service', async (t) => {
    const pod = await PlainPod.start(t);
    const http2 = { protocol: 'http2' } as const;
    const at = await UpstreamScene.start(t, { ...http2, endpoints: [pod.port] });
    const asked = at.ask();
    await until(() => pod.mute.size === 1);
    at.useService({ ...http2, endpoints: [] });
    assert.match(await asked, /^503 /);
    await until(() => pod.mute.size === 0);
  });
});

it('a retired pool whose pod has not chosen its version answers who still comes', () => {
  const none = { acquire: () => undefined, withdraw: () => undefined };
  const forUpgrades: EndpointConnections = {
    ...none,
    forUpgrades: none,
    adapt: () => undefined,
    sweep: () => undefined,
    retire: () => undefined,
  };
  const pool = new NegotiatedPool({
    connect: () => assert.fail('nobody is to be asked'),
    pool: () => assert.fail('no version is known'),
    forUpgrades,
    options: HTTP1_POOL,
    rejected: (reason) => assert.fail(reason),
  });
  pool.retire();
  const failures: AcquireFailure[] = [];
  const waiter: ConnectionWaiter = {
    connectionReady: () => assert.fail('there is no connection'),
    connectionFailed: (failure) => failures.push(failure),
  };
  assert.equal(pool.acquire(waiter, false), undefined);
  assert.equal(failures.length, 1);
});
