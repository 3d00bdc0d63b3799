import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { ServerConnection } from '../http/stream.ts';
import { MeterTable } from '../telemetry/meter-table.ts';
import { OpenConnections } from './open-connections.ts';

interface Accepted {
  readonly client: Socket;
  readonly socket: Socket;
}

async function accepted(t: TestContext, count: number): Promise<Accepted[]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const pairs: Accepted[] = [];
  while (pairs.length < count) {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = (await once(server, 'connection')) as [Socket];
    client.on('error', () => undefined);
    client.resume();
    pairs.push({ client, socket });
  }
  t.after(() => {
    for (const { client, socket } of pairs) {
      client.destroy();
      socket.destroy();
    }
    server.close();
  });
  return pairs;
}

describe('a worker with too much to do', () => {
  test('takes no more connections', async (t) => {
    const meters = new MeterTable();
    const connections = new OpenConnections(meters, 10);
    const [first, second] = await accepted(t, 2);
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(connections.admit(first.socket, 'http'), true);
    connections.refusesMore = true;
    assert.equal(connections.admit(second.socket, 'http'), false);
    assert.equal(second.socket.destroyed, true);
    assert.deepEqual([...meters.rejected], [['overload-connections', 1]]);
    assert.equal(connections.size, 1);
  });

  test('parts with clients that have nothing under way, and tells HTTP/1 ones that have', async (t) => {
    const connections = new OpenConnections(new MeterTable(), 10);
    const drained: string[] = [];
    const kinds = ['idle', 'busy', 'h2-idle', 'h2-busy', 'trunk'] as const;
    const pairs = await accepted(t, kinds.length);
    const ended: string[] = [];
    kinds.forEach((kind, index) => {
      const { socket, client } = pairs[index] ?? assert.fail();
      client.once('end', () => ended.push(kind));
      const multiplexes = kind === 'trunk' ? 'gateway' : kind.startsWith('h2') ? 'client' : undefined;
      const connection: ServerConnection = {
        openStreams: kind.endsWith('busy') ? 1 : 0,
        multiplexes,
        drain: () => drained.push(kind),
        destroy: () => socket.destroy(),
      };
      connections.admit(socket, 'http');
      connections.serving(socket, connection);
    });
    connections.shedIdle();
    assert.deepEqual(drained, ['busy'], 'the first look tells nobody who has only just become idle');
    connections.shedIdle();
    assert.deepEqual(drained, ['busy', 'busy', 'h2-idle']);
    const { client } = pairs[0] ?? assert.fail();
    if (!client.readableEnded) await once(client, 'end');
    assert.deepEqual(ended, ['idle']);
  });
});
