import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
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
}

async function pair(t: TestContext): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const ours = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(ours, 'connect');
  const resources = createCodecResources({});
  let drained = 0;
  const stream = new RawStream(ours, resources, {
    data: () => undefined,
    drained: (bytes) => {
      drained += bytes;
    },
    broken: () => undefined,
  });
  const [socket] = await accepted;
  t.after(() => {
    ours.destroy();
    socket.destroy();
    resources.timers.close();
    server.close();
  });
  return { stream, resources, socket, drainedBytes: () => drained };
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
