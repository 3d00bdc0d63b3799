import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { type CodecResources, createCodecResources } from '../http/resources.ts';
import { RawStream } from './raw-stream.ts';

const BODY = Buffer.alloc(6_000_000, 'abcdefg');
const NOTHING = Buffer.alloc(0);

interface Pair {
  readonly stream: RawStream;
  readonly resources: CodecResources;
  /** The other end, which has not read anything yet. */
  readonly socket: Socket;
  readonly drainedBytes: () => number;
  readonly clock: ManualClock;
  /** What was told of its end: reasons, and `broken`. */
  readonly ends: readonly string[];
}

async function pair(t: TestContext, heldBytes?: number): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const ours = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(ours, 'connect');
  const clock = new ManualClock();
  const resources = createCodecResources({ clock, heldBytes });
  const ends: string[] = [];
  let drained = 0;
  const stream = new RawStream(ours, resources, {
    data: () => undefined,
    drained: (bytes) => {
      drained += bytes;
    },
    broken: () => ends.push('broken'),
    rejected: (reason) => ends.push(reason),
  });
  const [socket] = await accepted;
  t.after(() => {
    ours.destroy();
    socket.destroy();
    resources.timers.close();
    server.close();
  });
  return { stream, resources, socket, drainedBytes: () => drained, clock, ends };
}

describe('the end of what is sent', () => {
  const ends: ReadonlyArray<readonly [name: string, end: (stream: RawStream) => void]> = [
    ['an empty last piece', (stream) => stream.sendData(NOTHING, 0, 0, true)],
    ['trailers', (stream) => stream.sendTrailers([])],
  ];
  for (const [name, end] of ends) {
    test(`${name}: comes behind what is held, and the pool gets everything back`, async (t) => {
      const { stream, resources, socket, drainedBytes } = await pair(t);
      const taken = stream.sendData(BODY, 0, BODY.length, false);
      assert.ok(taken < BODY.length, 'some of it is held');
      end(stream);
      const peer = new RawHttp1Peer(t, socket);
      socket.resume();
      assert.equal((await peer.untilEnded()).length, BODY.length);
      assert.equal(drainedBytes(), BODY.length - taken);
      socket.end();
      await until(() => stream.over);
      await until(() => resources.heldBytes.usedBytes === 0);
    });
  }
});

test('what the socket has not sent at a good end is given back when it closes', async (t) => {
  const { stream, resources, socket } = await pair(t);
  socket.end();
  while (resources.heldBytes.usedBytes === 0) {
    stream.sendData(BODY, 0, 65_536, false);
    await new Promise((resolve) => setImmediate(resolve));
  }
  stream.sendData(NOTHING, 0, 0, true);
  await until(() => stream.over);
  assert.ok(resources.heldBytes.usedBytes > 0);
  socket.resume();
  await until(() => resources.heldBytes.usedBytes === 0);
});

describe('a peer that does not read', () => {
  const HOUR_MS = 3_600_000;

  test('has all the time that it wants while there is memory', async (t) => {
    const { stream, clock, ends } = await pair(t);
    stream.sendData(BODY, 0, BODY.length, false);
    clock.advance(HOUR_MS);
    assert.deepEqual(ends, []);
  });

  for (const [name, last] of [
    ['in the midst of it', false],
    ['of a direction that has ended', true],
  ] as const) {
    test(`is reset after 2 seconds when memory is short, ${name}`, async (t) => {
      const { stream, resources, socket, clock, ends } = await pair(t);
      const { heldBytes } = resources;
      stream.sendData(BODY, 0, BODY.length, last);
      const foreignBytes = heldBytes.capacityBytes * 0.85;
      heldBytes.charge(foreignBytes);
      clock.advance(4000);
      await until(() => ends.length === 2);
      assert.deepEqual(ends, ['flush-timeout', 'broken']);
      assert.equal(heldBytes.usedBytes, foreignBytes);
      socket.resume();
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      assert.equal(error.code, 'ECONNRESET');
    });
  }

  test('after a good end of both directions, too', async (t) => {
    const { stream, resources, socket, clock, ends } = await pair(t);
    const { heldBytes } = resources;
    socket.end();
    while (heldBytes.usedBytes === 0) {
      stream.sendData(BODY, 0, 65_536, false);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.sendData(NOTHING, 0, 0, true);
    await until(() => stream.over);
    const foreignBytes = heldBytes.capacityBytes * 0.85;
    heldBytes.charge(foreignBytes);
    clock.advance(4000);
    await until(() => heldBytes.usedBytes === foreignBytes);
    assert.deepEqual(ends, ['flush-timeout']);
  });

  test('keeps its connection when it reads now and then, however short memory is', async (t) => {
    const { stream, resources, socket, drainedBytes, clock, ends } = await pair(t);
    const taken = stream.sendData(BODY, 0, BODY.length, false);
    const { heldBytes } = resources;
    heldBytes.charge(heldBytes.capacityBytes * 0.85);
    socket.on('data', () => undefined);
    for (let drained = 0; drained < BODY.length - taken; drained = drainedBytes()) {
      socket.resume();
      await until(() => drainedBytes() > drained || ends.length > 0);
      assert.deepEqual(ends, []);
      socket.pause();
      clock.advance(1000);
    }
  });

  test('holds no more than its share when half of the memory is used', async (t) => {
    const { stream, resources, ends } = await pair(t, 16 * 1024 * 1024);
    const { heldBytes } = resources;
    heldBytes.charge(9 * 1024 * 1024);
    assert.ok(stream.sendData(BODY, 0, BODY.length, false) < BODY.length);
    assert.equal(stream.sendData(BODY, 0, BODY.length, false), 0, 'and nothing more is taken');
    await until(() => ends.length === 2);
    assert.deepEqual(ends, ['held-bytes-exhausted', 'broken']);
    assert.equal(heldBytes.usedBytes, 9 * 1024 * 1024);
  });
});
