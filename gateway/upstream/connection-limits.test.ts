import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { tcpEchoPod } from '../../test/fixtures/echo-pods.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import { POD_HOST, simpleTls, UpstreamScene } from '../../test/fixtures/upstream-scene.ts';

interface Asked {
  /** Names the connection. */
  readonly clientPort: number;
  readonly answer: () => void;
}

/** A pod that answers when the test says so, and knows on which connection it was asked. */
class PatientPod {
  readonly port: number;
  readonly asked: Asked[] = [];
  readonly connections = new Set<Socket>();
  /** Answers from now on at once. */
  eager = false;

  private constructor(server: Server, port: number, sockets: Set<Socket>) {
    this.port = port;
    server.on('connection', (socket: Socket) => {
      this.connections.add(socket);
      sockets.add(socket);
    });
  }

  static async start(t: TestContext, protocol: 'http' | 'http2'): Promise<PatientPod> {
    const server = protocol === 'http' ? createHttpServer() : createHttp2Server();
    const sockets = new Set<Socket>();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const pod = new PatientPod(server, (server.address() as AddressInfo).port, sockets);
    server.on('request', (request, response) => {
      pod.asked.push({ clientPort: request.socket.remotePort, answer: () => response.end('yes') });
      if (pod.eager) response.end('yes');
    });
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return pod;
  }

  answerAll(): void {
    this.eager = true;
    for (const { answer } of this.asked) answer();
  }
}

describe('the limits of connections to pods', () => {
  it('let as many requests wait as may, and refuse the next', async (t) => {
    const pod = await PatientPod.start(t, 'http');
    const limits = { maxConnections: 1, maxPendingRequests: 2 };
    const at = await UpstreamScene.start(t, { endpoints: [pod.port], connectionPool: limits });
    const first = at.ask();
    await until(() => pod.asked.length === 1);
    const waiting = [at.ask(), at.ask()];
    assert.match(await at.ask(), /^503 /);
    assert.equal(at.gateway.seen.at(-1)?.failure, 'overflow');
    assert.deepEqual(at.gateway.rejected, ['upstream-max-pending-requests']);
    pod.answerAll();
    assert.deepEqual(await Promise.all([first, ...waiting]), ['200 yes', '200 yes', '200 yes']);
    assert.equal(pod.connections.size, 1);
  });

  for (const protocol of ['http', 'http2'] as const) {
    it(`refuse a request more than may be under way over ${protocol}`, async (t) => {
      const pod = await PatientPod.start(t, protocol);
      const at = await UpstreamScene.start(t, {
        protocol,
        endpoints: [pod.port],
        connectionPool: { maxRequests: 3 },
      });
      // Some of them wait for the first connection yet.
      const three = [at.ask(), at.ask(), at.ask()];
      assert.match(await at.ask(), /^503 /);
      await until(() => pod.asked.length === 3);
      assert.match(await at.ask(), /^503 /);
      assert.equal(at.gateway.seen.at(-1)?.failure, 'overflow');
      assert.deepEqual(at.gateway.rejected, ['upstream-max-requests', 'upstream-max-requests']);
      pod.answerAll();
      assert.deepEqual(await Promise.all(three), ['200 yes', '200 yes', '200 yes']);
      assert.equal(await at.ask(), '200 yes');
    });

    it(`replace a connection over ${protocol} after its requests, and lose none`, async (t) => {
      const pod = await PatientPod.start(t, protocol);
      pod.eager = true;
      const limits = { maxRequestsPerConnection: 3, maxConnections: 2, maxPendingRequests: 100 };
      const at = await UpstreamScene.start(t, { protocol, endpoints: [pod.port], connectionPool: limits });
      const answers = await Promise.all(Array.from({ length: 40 }, () => at.ask()));
      for (let n = 0; n < 5; n++) answers.push(await at.ask());
      assert.deepEqual(new Set(answers), new Set(['200 yes']));
      assert.ok(at.gateway.seen.every(({ attempts }) => attempts === 1));
      const perConnection = [...Map.groupBy(pod.asked, ({ clientPort }) => clientPort).values()];
      assert.equal(Math.max(...perConnection.map(({ length }) => length)), 3);
    });

    it(`change over ${protocol} without an end of what is under way or kept`, async (t) => {
      const pod = await PatientPod.start(t, protocol);
      const at = await UpstreamScene.start(t, { protocol, endpoints: [pod.port] });
      const under = at.ask();
      await until(() => pod.asked.length === 1);
      const limits = { maxConnections: 1, maxPendingRequests: 1, idleTimeoutMs: 60_000 };
      at.useService({ protocol, endpoints: [pod.port], connectionPool: limits });
      pod.answerAll();
      assert.equal(await under, '200 yes');
      assert.equal(await at.ask(), '200 yes');
      assert.equal(pod.connections.size, 1);
    });
  }

  it('bound opaque connections', async (t) => {
    const port = await freePort();
    const pod = await tcpEchoPod(t);
    const tcp = { protocol: 'tcp', listenPort: port, endpoints: [pod] } as const;
    const at = await UpstreamScene.start(t, { ...tcp, connectionPool: { maxConnections: 1 } });
    await at.gateway.listenOpaque(port);
    const open = async (): Promise<Socket> => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('error', () => undefined);
      t.after(() => socket.destroy());
      socket.write('hello');
      await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
      return socket;
    };
    const first = await open();
    assert.equal(first.destroyed, false);
    const second = await open();
    assert.equal(second.destroyed, true);
    assert.deepEqual(at.gateway.rejected, ['upstream-max-connections']);
    assert.equal(at.gateway.seen[0]?.failure, 'overflow');
    first.destroy();
    await until(() => at.gateway.seen.length === 2);
    let third = await open();
    // Its pod may not have seen yet that the first one's has gone.
    while (third.destroyed) third = await open();
  });

  it('are counted by their own words while a pod chooses its version by ALPN', async (t) => {
    const mute = createServer((socket) => t.after(() => socket.destroy()));
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    t.after(() => mute.close());
    const upstreamTls = simpleTls(await serverCertificate([POD_HOST]));
    const endpoints = [(mute.address() as AddressInfo).port];
    const limits = [
      [{ maxRequests: 1 }, 'upstream-max-requests'],
      [{ maxPendingRequests: 1 }, 'upstream-max-pending-requests'],
      [{ maxRequests: 1, maxPendingRequests: 1 }, 'upstream-max-requests'],
    ] as const;
    for (const [connectionPool, reason] of limits) {
      const at = await UpstreamScene.start(t, { endpoints, upstreamTls, connectionPool });
      at.ask('/waits');
      assert.match(await at.ask(), /^503 /);
      assert.equal(at.gateway.seen[0]?.failure, 'overflow');
      assert.deepEqual(at.gateway.rejected, [reason]);
    }
  });

  it('end a handshake that takes longer than a connection may', async (t) => {
    const mute = createServer((socket) => t.after(() => socket.destroy()));
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    t.after(() => mute.close());
    const at = await UpstreamScene.start(t, {
      endpoints: [(mute.address() as AddressInfo).port],
      upstreamTls: simpleTls(await serverCertificate([POD_HOST])),
      connectionPool: { connectTimeoutMs: 50 },
    });
    assert.deepEqual(await at.refusal(), ['upstreamConnectFailure', 'no connection after 50 ms']);
  });
});
