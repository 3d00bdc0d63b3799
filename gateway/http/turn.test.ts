import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { OutputBuffer } from './output.ts';
import { createCodecResources } from './resources.ts';
import { FlushTurn } from './turn.ts';

const DEFECT = new Error('a defect');

describe('a defect at the end of a turn', () => {
  test('ends that output alone: those after it are flushed', () => {
    const defects: unknown[] = [];
    const calls: string[] = [];
    const turn = new FlushTurn((error) => defects.push(error));
    const good = (name: string) => ({
      flush: () => void calls.push(name),
      abandon: () => assert.fail(`${name} is well`),
    });
    turn.add(good('first'));
    turn.add({
      flush: () => {
        throw DEFECT;
      },
      abandon: () => calls.push('abandoned'),
    });
    turn.add(good('last'));
    turn.flushNow();
    turn.flushNow();
    assert.deepEqual(calls, ['first', 'abandoned', 'last']);
    assert.deepEqual(defects, [DEFECT]);
  });

  for (const [name, bytes, highWaterBytes] of [
    ['in the turn', 100, 1_000_000],
    ['when its socket drains', 16_000_000, 8_000_000],
  ] as const) {
    test(`destroys the socket of a connection whose room came back ${name}`, async (t) => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const accepting = once(server, 'connection') as Promise<[Socket]>;
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      const [peer] = await accepting;
      t.after(() => {
        for (const end of [socket, peer]) end.destroy();
        server.close();
      });
      const defects: unknown[] = [];
      const resources = createCodecResources({ onDefect: (error, side) => defects.push(side, error) });
      const output = new OutputBuffer(socket, {
        turn: resources.turn,
        slabs: resources.smallSlabs,
        pool: resources.heldBytes,
        highWaterBytes,
        onRoom: () => {
          throw DEFECT;
        },
      });
      output.reserve(bytes);
      output.position += bytes;
      output.waitForRoom();
      const closing = once(socket, 'close');
      peer.resume();
      await closing;
      assert.deepEqual(defects, ['output', DEFECT]);
      assert.equal(resources.heldBytes.usedBytes, 0);
    });
  }
});
