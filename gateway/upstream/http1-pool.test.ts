import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { SharedReads } from '../http/shared-reads.ts';
import type { ClientConnection, ClientConnectionHandler } from '../http/stream.ts';
import { tcpConnector } from './connect.ts';
import type { PoolOptions } from './connection-pool.ts';
import type { ConnectionWaiter } from './connection-source.ts';
import { Http1Pool } from './http1-pool.ts';

const OPTIONS: PoolOptions = {
  maxConnections: 2,
  maxWaiting: 10,
  maxRequests: Number.POSITIVE_INFINITY,
  maxRequestsPerConnection: Number.POSITIVE_INFINITY,
  connectTimeoutMs: 60_000,
  idleTimeoutMs: 4_000,
  freshMs: 1_000,
};

/** A connection that takes one request, and another when the test says that it is over. */
class OneRequest implements ClientConnection {
  available = true;
  readonly openStreams = 0;
  readonly socket: Socket;
  readonly #handler: ClientConnectionHandler;

  constructor(socket: Socket, handler: ClientConnectionHandler) {
    this.socket = socket;
    this.#handler = handler;
  }

  open(): never {
    throw new Error('these tests send nothing');
  }

  over(): void {
    this.available = true;
    this.#handler.availabilityChanged();
  }

  drain(): void {
    this.destroy();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

class Waiter implements ConnectionWaiter {
  readonly told = Promise.withResolvers<'ready' | 'failed'>();
  onFailed = (): void => undefined;

  connectionReady(connection: ClientConnection): void {
    if (connection instanceof OneRequest) connection.available = false;
    this.told.resolve('ready');
  }

  connectionFailed(): void {
    this.told.resolve('failed');
    this.onFailed();
  }
}

async function poolWithOneConnection(t: TestContext): Promise<{ pool: Http1Pool; busy: OneRequest }> {
  const server = createServer((socket) => t.after(() => socket.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const made: OneRequest[] = [];
  const place = {
    connect: tcpConnector(
      { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
      { clock: SYSTEM_CLOCK, reads: new SharedReads() },
    ),
    clock: SYSTEM_CLOCK,
    wrap: (socket: Socket, handler: ClientConnectionHandler) => {
      const connection = new OneRequest(socket, handler);
      made.push(connection);
      return connection;
    },
    rejected: (reason: string) => assert.fail(reason),
  };
  const pool = new Http1Pool(place, OPTIONS);
  const first = new Waiter();
  pool.acquire(first, false);
  assert.equal(await first.told.promise, 'ready');
  // Nobody gets in any more; who is in stays.
  server.close();
  const [busy] = made;
  assert.ok(busy !== undefined);
  t.after(() => busy.destroy());
  return { pool, busy };
}

describe('another idle time', () => {
  it('holds for connections that were idle before, and closes none that it still allows', async (t) => {
    const { pool, busy } = await poolWithOneConnection(t);
    // It is idle from then on at the earliest, however slow this machine is.
    const nowMs = SYSTEM_CLOCK.monotonic();
    busy.over();
    const policy = {
      maxConnections: undefined,
      maxPendingRequests: undefined,
      maxRequests: undefined,
      maxRequestsPerConnection: undefined,
      connectTimeoutMs: undefined,
    };
    pool.adapt({ ...policy, idleTimeoutMs: 60_000 });
    pool.sweep(nowMs + 59_000);
    assert.equal(busy.socket.destroyed, false);
    pool.adapt(undefined);
    pool.sweep(nowMs + 3_900);
    assert.equal(busy.socket.destroyed, false);
    pool.sweep(nowMs + 60_000);
    assert.equal(busy.socket.destroyed, true);
  });
});

describe('a connect that fails', () => {
  it('fails one of those that wait while another connection may still serve the rest', async (t) => {
    const { pool, busy } = await poolWithOneConnection(t);
    const [second, third] = [new Waiter(), new Waiter()];
    second.onFailed = () => busy.over();
    pool.acquire(second, false);
    pool.acquire(third, false);
    assert.equal(await second.told.promise, 'failed');
    assert.equal(await third.told.promise, 'ready');
  });

  it('fails all when there is no other', async (t) => {
    const { pool, busy } = await poolWithOneConnection(t);
    const others = [new Waiter(), new Waiter(), new Waiter()];
    for (const waiter of others) pool.acquire(waiter, false);
    // Counted no more, as when its peer has closed it.
    busy.destroy();
    const told = await Promise.all(others.map((waiter) => waiter.told.promise));
    assert.deepEqual(told, ['failed', 'failed', 'failed']);
  });
});
