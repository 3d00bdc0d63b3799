import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import type { UserError } from '../../federation/model/user-error.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { type TestService, testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { Acceptor } from './acceptor.ts';
import type { Listener } from './connection-server.ts';
import { ServicePorts } from './service-ports.ts';

function snapshot(services: readonly Pick<TestService, 'name' | 'protocol' | 'listenPort'>[]) {
  return testSnapshot({
    cluster: 'east',
    peers: {},
    bundles: new Map(),
    services: services.map((service) => ({ ...service, endpoints: [], offeredBy: [] })),
  });
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Refused: nobody listens.
    return false;
  } finally {
    socket.destroy();
  }
}

describe('ports of imported services', () => {
  it('are open while the snapshot has them, with the protocol that it says', async (t) => {
    const [first, second] = [await freePort(), await freePort()];
    const accepted: Listener[] = [];
    const acceptor = new Acceptor((socket, listener) => {
      accepted.push(listener);
      socket.destroy();
    });
    t.after(() => acceptor.close());
    const ports = new ServicePorts({
      host: '127.0.0.1',
      acceptor,
      clock: new ManualClock(),
      onFailure: assert.fail,
    });
    await ports.update(
      snapshot([
        { name: 'a', protocol: 'http', listenPort: first },
        { name: 'b', protocol: 'tcp', listenPort: second },
        { name: 'c', protocol: 'tcp' },
      ]),
    );
    assert.deepEqual(ports.open, [first, second]);
    assert.ok(await answers(first));
    assert.ok(await answers(second));
    await ports.update(snapshot([{ name: 'b', protocol: 'http2', listenPort: second }]));
    assert.deepEqual(ports.open, [second]);
    assert.equal(await answers(first), false);
    assert.ok(await answers(second));
    while (accepted.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(accepted, [
      { kind: 'service', port: first, protocol: 'http' },
      { kind: 'service', port: second, protocol: 'tcp' },
      { kind: 'service', port: second, protocol: 'http2' },
    ]);
    ports.close();
    assert.equal(await answers(second), false);
  });

  it('stay closed after the end, whatever snapshot comes', async (t) => {
    const [early, late] = [await freePort(), await freePort()];
    const acceptor = new Acceptor((socket) => socket.destroy());
    t.after(() => acceptor.close());
    const clock = new ManualClock();
    const ports = new ServicePorts({ host: '127.0.0.1', acceptor, clock, onFailure: assert.fail });
    const opening = ports.update(snapshot([{ name: 'a', protocol: 'http', listenPort: early }]));
    ports.close();
    await opening;
    await ports.update(snapshot([{ name: 'a', protocol: 'http', listenPort: late }]));
    assert.deepEqual(ports.open, []);
    assert.equal(await answers(early), false);
    assert.equal(await answers(late), false);
  });

  it('that are occupied are told of and tried again, and keep nothing else from being served', async (t) => {
    const [occupied, free] = [await freePort(), await freePort()];
    const squatter = createServer();
    squatter.listen(occupied, '127.0.0.1');
    await once(squatter, 'listening');
    t.after(() => squatter.close());
    const clock = new ManualClock();
    const acceptor = new Acceptor((socket) => socket.destroy());
    t.after(() => acceptor.close());
    const failures: UserError[] = [];
    const onFailure = (error: UserError) => failures.push(error);
    const ports = new ServicePorts({ host: '127.0.0.1', acceptor, clock, onFailure });
    await ports.update(
      snapshot([
        { name: 'a', protocol: 'http', listenPort: occupied },
        { name: 'b', protocol: 'http', listenPort: free },
      ]),
    );
    assert.deepEqual(ports.open, [free]);
    assert.deepEqual(
      failures.map(({ message }) => message),
      [`cannot listen on 127.0.0.1:${occupied} (EADDRINUSE)`],
    );
    squatter.close();
    await once(squatter, 'close');
    clock.advance(5_000);
    while (ports.open.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(await answers(occupied));
  });
});
