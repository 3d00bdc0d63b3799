import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type AddressInfo,
  connect as connectPlain,
  createServer as createPlainServer,
  type Socket,
} from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import { BytePool } from './byte-pool.ts';
import { OutputBuffer } from './output.ts';
import { type Slab, SlabPool } from './slab-pool.ts';
import { FlushTurn } from './turn.ts';

const SLAB_BYTES = 64 * 1024;

interface Pair {
  readonly output: OutputBuffer;
  readonly pool: BytePool;
  readonly turn: FlushTurn;
  readonly reader: TLSSocket;
  readonly slabs: CountedSlabs;
}

class CountedSlabs extends SlabPool {
  readonly #seen = new Set<Slab>();

  get made(): number {
    return this.#seen.size;
  }

  override take(bytes: number): Slab {
    const slab = super.take(bytes);
    this.#seen.add(slab);
    return slab;
  }
}

async function tlsPair(t: TestContext): Promise<Pair> {
  const { certificatePem, keyPem } = await serverCertificate();
  const server = createServer({ cert: certificatePem, key: keyPem });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'secureConnection');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  const [[reader]] = (await Promise.all([accepted, once(socket, 'secureConnect')])) as [[TLSSocket], unknown];
  t.after(() => {
    socket.destroy();
    reader.destroy();
    server.close();
  });
  return { ...outputTo(socket), reader };
}

function outputTo(socket: Socket): Omit<Pair, 'reader'> {
  const turn = new FlushTurn(assert.ifError);
  const pool = new BytePool(64 * 1024 * 1024);
  const slabs = new CountedSlabs(SLAB_BYTES, 17 * 1024);
  const output = new OutputBuffer(socket, {
    turn,
    slabs,
    pool,
    highWaterBytes: 512 * 1024,
    onRoom: () => undefined,
  });
  return { output, pool, turn, slabs };
}

/** Bytes by their place in the stream, so that any that was overwritten shows. */
function write(output: OutputBuffer, from: number, bytes: number): void {
  for (let at = from; at < from + bytes; at += 1024) {
    output.reserve(1024);
    for (let i = 0; i < 1024; i++) output.buffer[output.position + i] = ((at + i) * 7919) >> 5;
    output.position += 1024;
  }
}

async function readBack(reader: TLSSocket, bytes: number): Promise<number> {
  let at = 0;
  let wrong = 0;
  for await (const chunk of reader as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      if (byte !== (((at * 7919) >> 5) & 0xff)) wrong++;
      at++;
    }
    if (at >= bytes) break;
  }
  assert.equal(at, bytes);
  return wrong;
}

describe('output over TLS', () => {
  it('uses memory again at once, and the peer reads what was written', async (t) => {
    const { output, pool, reader, slabs } = await tlsPair(t);
    const bytes = 4 * 1024 * 1024;
    const reading = readBack(reader, bytes);
    for (let at = 0; at < bytes; at += SLAB_BYTES) {
      write(output, at, SLAB_BYTES);
      while (output.room < SLAB_BYTES) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(await reading, 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(pool.usedBytes, 0);
    // One is being filled while what waits behind a write has the others, up to the high-water mark.
    assert.ok(slabs.made <= 512 / 64 + 1, `${slabs.made} slabs`);
  });

  it('counts what a reader does not take, and gives all of it at the end', async (t) => {
    const { output, pool, turn, reader } = await tlsPair(t);
    const bytes = 16 * 1024 * 1024;
    write(output, 0, bytes);
    turn.flushNow();
    assert.ok(output.queuedBytes > bytes - 2 * SLAB_BYTES);
    assert.equal(pool.usedBytes, output.queuedBytes);
    assert.ok(output.room < 0);
    output.end();
    assert.equal(await readBack(reader, bytes), 0);
  });

  it('forgets what waits when it is closed', async (t) => {
    const { output, pool } = await tlsPair(t);
    write(output, 0, 4 * 1024 * 1024);
    output.close();
    assert.equal(pool.usedBytes, 0);
    assert.equal(output.queuedBytes, 0);
  });
});

it('counts what a plain socket has taken although more always waits', async (t) => {
  const server = createPlainServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const socket = connectPlain((server.address() as AddressInfo).port, '127.0.0.1');
  const [[reader]] = (await Promise.all([accepted, once(socket, 'connect')])) as [[Socket], unknown];
  t.after(() => {
    socket.destroy();
    reader.destroy();
    server.close();
  });
  const { output, turn } = outputTo(socket);
  for (let at = 0; output.queuedBytes === 0; at += SLAB_BYTES) {
    write(output, at, SLAB_BYTES);
    turn.flushNow();
  }
  const before = output.sentBytes;
  // More than the kernel's buffers hold: the write that was under way ends, and another is.
  write(output, output.handedBytes, 32 * 1024 * 1024);
  turn.flushNow();
  reader.resume();
  while (output.sentBytes === before) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(output.queuedBytes > 0);
  assert.ok(output.sentBytes < output.handedBytes, `${output.sentBytes} of ${output.handedBytes}`);
});

it('gives no room behind a backlog while the pool is scarce, and room again when it has left', async (t) => {
  const { output, pool, turn, reader } = await tlsPair(t);
  pool.charge(pool.capacityBytes / 2);
  assert.ok(output.room > 0, 'without a backlog');
  output.reserve(1000);
  output.position += 1000;
  turn.flushNow();
  assert.ok(output.queuedBytes > 0);
  assert.equal(output.room, 0);
  reader.resume();
  while (output.queuedBytes > 0) await once(reader, 'data');
  assert.ok(output.room > 0);
});
