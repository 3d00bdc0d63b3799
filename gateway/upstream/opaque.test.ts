import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EVERY_REQUEST } from '../../federation/model/policy.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { type OpaquePair, type OpaquePairOptions, opaquePair } from '../../test/fixtures/opaque-pair.ts';

/** `serve` behind a TCP port in west. */
async function pair(
  t: TestContext,
  serve: (socket: Socket) => void,
  options: OpaquePairOptions & { pod?: number } = {},
): Promise<OpaquePair> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    // A connection that breaks is what some of these tests are about.
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return opaquePair(t, options.pod ?? (server.address() as AddressInfo).port, options);
}

/** To the other end's end; unlike an iterator it leaves our own direction open. */
function read(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

describe('an opaque TCP connection through a trunk', () => {
  it('lets the server speak first', async (t) => {
    const { connect: open } = await pair(t, (socket) => socket.end('welcome'));
    assert.equal((await read(open())).toString(), 'welcome');
  });

  it('keeps each direction open until it ends by itself', async (t) => {
    const {
      connect: open,
      east,
      west,
    } = await pair(t, (socket) => {
      read(socket).then((all) => socket.end(`${all.length} bytes, and now the answer`));
    });
    const socket = open();
    socket.end(Buffer.alloc(1_000_000, 'q'));
    assert.equal((await read(socket)).toString(), '1000000 bytes, and now the answer');
    await until(() => east.seen.length === 1 && west.seen.length === 1);
    assert.equal(east.seen[0]?.protocol, 'tcp');
    assert.equal(east.seen[0]?.failure, undefined);
    assert.equal(west.seen[0]?.sourceCluster, 'east');
    assert.equal(west.seen[0]?.protocol, 'tcp');
  });

  it('carries much in both directions at once', async (t) => {
    const { connect: open } = await pair(t, (socket) => socket.pipe(socket));
    const socket = open();
    const bytes = Buffer.alloc(8 * 1024 * 1024);
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(i, i);
    socket.end(bytes);
    assert.ok((await read(socket)).equals(bytes));
  });

  it('reads no more than its other end takes', async (t) => {
    const pod = Promise.withResolvers<Socket>();
    const { connect: open, east, west } = await pair(t, (socket) => pod.resolve(socket.pause()));
    const socket = open();
    socket.on('error', () => undefined);
    const piece = Buffer.alloc(1024 * 1024, 'x');
    for (let quiet = 0; quiet < 5; ) {
      const before = socket.bytesWritten - socket.writableLength;
      assert.ok(!socket.destroyed);
      if (socket.writableLength === 0) socket.write(piece);
      await sleep(50);
      quiet = socket.bytesWritten - socket.writableLength === before ? quiet + 1 : 0;
    }
    assert.ok(east.resources.heldBytes.usedBytes < 3 * 1024 * 1024);
    assert.ok(west.resources.heldBytes.usedBytes < 3 * 1024 * 1024);
    (await pod.promise).resetAndDestroy();
    await until(() => socket.closed);
    await until(() => east.resources.heldBytes.usedBytes === 0 && west.resources.heldBytes.usedBytes === 0);
  });

  it('reads no more from its server than the client takes, and all of it arrives', async (t) => {
    const total = 96 * 1024 * 1024;
    const piece = Buffer.alloc(64 * 1024, 'y');
    let written = 0;
    const {
      connect: open,
      east,
      west,
    } = await pair(t, (socket) => {
      const write = (): void => {
        do written += piece.length;
        while (socket.write(piece) && written < total);
        if (written === total) socket.end();
      };
      socket.on('drain', () => written < total && write());
      write();
    });
    const held = [east, west];
    const socket = open().pause();
    await until(() => written > 0);
    // The kernels take some of it, and then nobody reads from the pod.
    for (let quiet = 0, before = -1; quiet < 5; ) {
      quiet = written === before ? quiet + 1 : 0;
      before = written;
      await sleep(50);
    }
    assert.ok(written < total, `${written} bytes`);
    for (const { resources } of held) assert.ok(resources.heldBytes.usedBytes < 5 * 1024 * 1024);
    const reading = read(socket);
    socket.resume();
    assert.equal((await reading).length, total);
    socket.end();
    await until(() => held.every(({ resources }) => resources.heldBytes.usedBytes === 0));
    assert.deepEqual([...east.rejected, ...west.rejected], []);
  });

  it('is reset when its server is not there', async (t) => {
    const { connect: open, east } = await pair(t, () => undefined, { pod: await freePort() });
    const socket = open();
    await assert.rejects(read(socket), { code: 'ECONNRESET' });
    await until(() => east.seen.length === 1);
    assert.equal(east.seen[0]?.failure, 'noHealthyUpstream');
  });

  it('is reset when its server resets it', async (t) => {
    const { connect: open } = await pair(t, (socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const socket = open();
    socket.write('boom');
    await assert.rejects(read(socket), { code: 'ECONNRESET' });
  });

  it('ends at the server when the client goes away', async (t) => {
    const gone = Promise.withResolvers<void>();
    const { connect: open } = await pair(t, (socket) => {
      socket.on('close', () => gone.resolve());
      socket.write('hello');
    });
    const socket = open();
    await once(socket, 'data');
    socket.resetAndDestroy();
    await gone.promise;
  });

  it('is reset at both ends when nothing moves in it for too long', async (t) => {
    const gone = Promise.withResolvers<void>();
    const clock = new ManualClock(Date.now());
    const { connect: open, east } = await pair(
      t,
      (socket) => {
        socket.on('close', () => gone.resolve());
        socket.write('hello');
      },
      { tcpIdleTimeoutMs: 1000, clock },
    );
    const socket = open();
    const reading = assert.rejects(read(socket), { code: 'ECONNRESET' });
    await once(socket, 'data');
    clock.advance(1500);
    await reading;
    await gone.promise;
    assert.equal(east.seen[0]?.failure, 'idleTimeout');
    assert.deepEqual(east.rejected, ['tcp-idle-timeout']);
  });

  it('stays open as long as something moves in one direction', async (t) => {
    const pod = Promise.withResolvers<Socket>();
    const clock = new ManualClock(Date.now());
    const options = { tcpIdleTimeoutMs: 2500, clock };
    const { connect: open, east } = await pair(t, pod.resolve, options);
    const socket = open();
    const all = read(socket);
    const server = await pod.promise;
    for (let i = 1; i <= 12; i++) {
      server.write('.');
      await until(() => socket.bytesRead === i || socket.destroyed);
      clock.advance(750);
    }
    server.end();
    assert.equal((await all).toString(), '............');
    assert.deepEqual(east.rejected, []);
  });

  it('is refused by an access rule', async (t) => {
    const access = [{ ...EVERY_REQUEST, action: 'allow', principals: ['spiffe://x/*'] }] as const;
    const { connect: open, east } = await pair(t, (socket) => socket.end('secret'), { access });
    await assert.rejects(read(open()), { code: 'ECONNRESET' });
    await until(() => east.seen.length === 1);
    assert.equal(east.seen[0]?.failure, 'forbidden');
  });
});
