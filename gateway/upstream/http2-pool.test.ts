import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { createCodecResources } from '../http/resources.ts';
import type { ClientConnection } from '../http/stream.ts';
import { UPSTREAM_HTTP2 } from '../http2/options.ts';
import { tcpConnector } from './connect.ts';
import type { AcquireFailure, ConnectionWaiter } from './connection-source.ts';
import { HTTP2_POOL } from './endpoint-pools.ts';
import { openHttp2 } from './http-connections.ts';
import { Http2Pool } from './http2-pool.ts';

class Waiter implements ConnectionWaiter {
  connection: ClientConnection | undefined;
  failure: AcquireFailure | undefined;

  connectionReady(connection: ClientConnection): void {
    this.connection = connection;
  }

  connectionFailed(failure: AcquireFailure): void {
    this.failure = failure;
  }
}

class PoolUnderTest {
  readonly pool: Http2Pool;
  readonly sockets: Socket[] = [];

  constructor(t: TestContext, port: number) {
    const clock = new ManualClock();
    const resources = createCodecResources({ clock });
    const place = {
      connect: tcpConnector({ host: '127.0.0.1', port }, { clock, reads: resources.reads }),
      clock,
      wrap: (socket: Socket, handler: Parameters<typeof openHttp2>[1]) => {
        this.sockets.push(socket);
        t.after(() => socket.destroy());
        return openHttp2(socket, handler, resources, UPSTREAM_HTTP2);
      },
      rejected: (reason: string) => assert.fail(reason),
    };
    this.pool = new Http2Pool(place, HTTP2_POOL);
  }
}

async function connectedToMutePod(t: TestContext): Promise<{ tested: PoolUnderTest; waiter: Waiter }> {
  const server = createServer((socket) => t.after(() => socket.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const tested = new PoolUnderTest(t, (server.address() as AddressInfo).port);
  const waiter = new Waiter();
  tested.pool.acquire(waiter);
  await until(() => tested.sockets.length === 1);
  return { tested, waiter };
}

describe('a connection to a pod that never says its SETTINGS', () => {
  it('fails those who wait for it, and is closed', async (t) => {
    const { tested, waiter } = await connectedToMutePod(t);
    for (let nowMs = 1_000; nowMs < 5_000; nowMs += 1_000) tested.pool.sweep(nowMs);
    assert.equal(tested.sockets[0]?.destroyed, false);
    tested.pool.sweep(5_000);
    await until(() => waiter.failure !== undefined);
    assert.deepEqual(waiter.failure, { kind: 'connect', reason: 'closed by us' });
    assert.equal(tested.sockets[0]?.destroyed, true);
    tested.pool.acquire(new Waiter());
    await until(() => tested.sockets.length === 2);
  });

  it('has its time anew after a standstill of this process', async (t) => {
    const { tested, waiter } = await connectedToMutePod(t);
    tested.pool.sweep(1_000);
    for (let nowMs = 60_000; nowMs < 65_000; nowMs += 1_000) tested.pool.sweep(nowMs);
    assert.equal(tested.sockets[0]?.destroyed, false);
    tested.pool.sweep(65_000);
    await until(() => waiter.failure !== undefined);
    assert.deepEqual(waiter.failure, { kind: 'connect', reason: 'closed by us' });
  });
});
