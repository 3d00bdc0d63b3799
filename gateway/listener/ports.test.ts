import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { gatewayDnsName, gatewayId, workloadId } from '../../federation/model/identity.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import type { Svid } from '../../trust/svid.ts';
import { SharedReads } from '../http/shared-reads.ts';
import { TimerWheel } from '../http/timer-wheel.ts';
import { MeterTable } from '../telemetry/meter-table.ts';
import { readClientHello } from './client-hello.ts';
import type { ConnectionContext } from './connection-context.ts';
import type { DownstreamProtocol, Listener } from './connection-server.ts';
import { EnrolmentPort } from './enrolment.ts';
import { OpenConnections } from './open-connections.ts';
import { Ports } from './ports.ts';

interface Served {
  readonly protocol: DownstreamProtocol;
  readonly context: ConnectionContext;
  readonly first: string;
}

interface World {
  readonly clusterset: TestClusterset;
  readonly served: Served[];
  readonly rejected: string[];
  readonly meters: MeterTable;
  readonly connections: OpenConnections;
  readonly clock: ManualClock;
  listen(listener: Listener): Promise<number>;
}

interface Settings {
  readonly maxConnections?: number;
  /** The server answers when its client has said all. */
  readonly answersAfterEnd?: boolean;
  readonly relay?: (request: Uint8Array, remoteAddress: string) => Promise<Uint8Array>;
}

/** A worker's ports, with a server behind them that says `ok` to the first bytes and closes. */
async function world(t: TestContext, settings: Settings = {}): Promise<World> {
  const {
    maxConnections = 100,
    answersAfterEnd = false,
    relay = () => Promise.reject(new Error('no')),
  } = settings;
  const clusterset = await TestClusterset.create(['east', 'west', 'north']);
  const served: Served[] = [];
  const rejected: string[] = [];
  const meters = new MeterTable();
  const connections = new OpenConnections(meters, maxConnections);
  const reads = new SharedReads();
  const clock = new ManualClock();
  const timers = new TimerWheel(clock);
  t.after(() => timers.close());
  const ports = new Ports({
    server: {
      serve: (socket, protocol, context) => {
        reads.listen(socket, (chunk) => {
          served.push({ protocol, context, first: chunk.toString('latin1') });
          if (answersAfterEnd) socket.once('end', () => setImmediate(() => socket.end('ok')));
          else socket.end('ok');
        });
        return { openStreams: 0, drain: () => undefined, destroy: () => socket.destroy() };
      },
    },
    connections,
    reads,
    timers,
    enrolment: new EnrolmentPort({ relay, rejected: (reason) => rejected.push(reason), now: () => 0 }),
    ticketSecret: new Uint8Array(32),
    handshakeTimeoutMs: 10_000,
    headerTimeoutMs: 10_000,
    now: () => Date.now(),
    clusterOf: (trustDomain) => (trustDomain === 'west.mesh.example' ? 'west' : undefined),
    rejected: (reason) => rejected.push(reason),
  });
  const svid = await clusterset.svid('east', gatewayId('east.mesh.example'), [
    gatewayDnsName('east.mesh.example'),
  ]);
  ports.identify({ svid, bundles: clusterset.bundles });
  const listen = async (listener: Listener): Promise<number> => {
    const server = createServer((socket) => ports.accept(socket, listener));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.close();
      connections.destroy();
    });
    return (server.address() as AddressInfo).port;
  };
  return { clusterset, served, rejected, meters, connections, clock, listen };
}

/** However it closes: `once` of node:events would reject with an error before. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** What comes back for some bytes, until the other end closes. */
async function exchange(socket: Socket, ...parts: string[]): Promise<string> {
  let answer = '';
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  const end = closed(socket);
  for (const part of parts) {
    socket.write(Buffer.from(part, 'latin1'));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await end;
  return answer;
}

/** The client may see the end of its connection before we have seen that of ours. */
async function gone(connections: OpenConnections): Promise<void> {
  while (connections.size > 0) await new Promise((resolve) => setImmediate(resolve));
}

function tls(clusterset: TestClusterset, port: number, alpn: string, svid: Svid | undefined): TLSSocket {
  return connectTls({
    port,
    host: '127.0.0.1',
    servername: 'payments.shop',
    ALPNProtocols: [alpn],
    ca: clusterset.root.certificatePem,
    checkServerIdentity: () => undefined,
    ...(svid && { cert: svid.certificateChainPem, key: svid.privateKeyPem }),
  });
}

describe('plaintext ports', () => {
  it('tell HTTP/1.1 and HTTP/2 apart by their first bytes, however they come, and lose none', async (t) => {
    const { served, listen } = await world(t);
    const port = await listen({ kind: 'http' });
    assert.equal(await exchange(connect(port, '127.0.0.1'), 'P', 'UT / HTTP/1.1\r\n'), 'ok');
    assert.equal(await exchange(connect(port, '127.0.0.1'), 'PR', 'I * HTTP/2.0'), 'ok');
    assert.equal(await exchange(connect(port, '127.0.0.1'), 'GET / HTTP/1.1\r\n'), 'ok');
    assert.deepEqual(
      served.map(({ protocol, first }) => [protocol, first]),
      [
        ['http1', 'PUT / HTTP/1.1\r\n'],
        ['http2', 'PRI * HTTP/2.0'],
        ['http1', 'GET / HTTP/1.1\r\n'],
      ],
    );
    const { remoteAddress, ...context } = served[0]?.context ?? assert.fail();
    assert.match(remoteAddress, /^127\.0\.0\.1:\d+$/);
    assert.deepEqual(context, {
      origin: 'client',
      caller: undefined,
      peerCluster: undefined,
      listenPort: undefined,
      serverName: undefined,
    });
  });

  it('leave a client that sends no more its answer', async (t) => {
    const { listen, connections } = await world(t, { answersAfterEnd: true });
    const port = await listen({ kind: 'http' });
    for (const first of ['GET / HTTP/1.1\r\n', 'PRI * HTTP/2.0']) {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.once('end', () => socket.end());
      const answer = exchange(socket);
      socket.end(first);
      assert.equal(await answer, 'ok');
    }
    await gone(connections);
  });

  it('of a service know their number; a TCP one waits for no first byte', async (t) => {
    const { served, rejected, listen, connections } = await world(t);
    const http = await listen({ kind: 'service', port: 15500, protocol: 'http' });
    assert.equal(await exchange(connect(http, '127.0.0.1'), 'GET'), 'ok');
    assert.equal(served[0]?.context.listenPort, 15500);
    assert.equal(await exchange(connect(http, '127.0.0.1'), '\x16\x03\x01'), '');
    assert.deepEqual(rejected, ['tls-on-plaintext-port']);
    const tcp = await listen({ kind: 'service', port: 15501, protocol: 'tcp' });
    assert.equal(await exchange(connect(tcp, '127.0.0.1'), '\x16'), 'ok');
    assert.deepEqual([served[1]?.protocol, served[1]?.context.listenPort], ['tcp', 15501]);
    await gone(connections);
  });

  it('close on a client that does not say enough in time, and on one more than there may be', async (t) => {
    const { listen, connections, meters, clock, rejected } = await world(t, { maxConnections: 1 });
    const port = await listen({ kind: 'http' });
    const slow = connect(port, '127.0.0.1');
    // A reset, when its last bytes were never read.
    slow.on('error', () => undefined);
    const ended = new Promise((resolve) => slow.once('close', resolve));
    await once(slow, 'connect');
    while (connections.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(await exchange(connect(port, '127.0.0.1'), 'GET'), '');
    assert.equal(meters.rejected.get('connections'), 1);
    clock.advance(9_000);
    slow.write('PR');
    // Its bytes buy no time.
    clock.advance(1_500);
    assert.deepEqual(rejected, ['header-timeout']);
    await ended;
    await gone(connections);
    assert.equal(meters.connectionsOpen.get('http'), 0);
  });
});

describe('the TLS port', () => {
  it('tells trunks, clients and strangers apart', async (t) => {
    const { clusterset, served, rejected, listen } = await world(t);
    const mesh = await listen({ kind: 'mesh' });
    const west = await clusterset.svid('west', gatewayId('west.mesh.example'));
    const north = await clusterset.svid('north', gatewayId('north.mesh.example'));
    const cart = await clusterset.svid('east', workloadId('east.mesh.example', 'shop', 'cart'));
    assert.equal(await exchange(tls(clusterset, mesh, 'isthmus/1', west), 'PRI'), 'ok');
    assert.equal(await exchange(tls(clusterset, mesh, 'h2', cart), 'PRI'), 'ok');
    assert.equal(await exchange(tls(clusterset, mesh, 'http/1.1', cart), 'GET'), 'ok');
    assert.deepEqual(
      served.map(({ protocol, context }) => [
        protocol,
        context.origin,
        context.peerCluster,
        context.caller?.text,
        context.serverName,
      ]),
      [
        ['http2', 'trunk', 'west', undefined, undefined],
        ['http2', 'client', undefined, cart.id.text, 'payments.shop'],
        ['http1', 'client', undefined, cart.id.text, 'payments.shop'],
      ],
    );
    assert.equal(await exchange(tls(clusterset, mesh, 'isthmus/1', north), 'PRI'), '');
    assert.equal(await exchange(tls(clusterset, mesh, 'isthmus/1', cart), 'PRI'), '');
    assert.equal(await exchange(tls(clusterset, mesh, 'h2', undefined), 'PRI'), '');
    assert.deepEqual(rejected, ['unknown-peer', 'svid-unexpected-identity', 'svid-no-certificate']);
    assert.equal(served.length, 3);
  });

  it('on the shared HTTP port is for clients alone', async (t) => {
    const { clusterset, served, rejected, listen } = await world(t);
    const http = await listen({ kind: 'http' });
    const west = await clusterset.svid('west', gatewayId('west.mesh.example'));
    const cart = await clusterset.svid('east', workloadId('east.mesh.example', 'shop', 'cart'));
    assert.equal(await exchange(tls(clusterset, http, 'h2', cart), 'PRI'), 'ok');
    assert.equal(await exchange(tls(clusterset, http, 'isthmus/1', west), 'PRI'), '');
    assert.equal(await exchange(tls(clusterset, http, 'isthmus-enrol/1', undefined), 'x'), '');
    assert.deepEqual(rejected, ['not-a-client', 'not-a-client']);
    assert.equal(served.length, 1);
  });
});

describe('enrolment', () => {
  const framed = (text: string) => `\0\0\0${String.fromCharCode(text.length)}${text}`;

  it('relays one request, in whatever pieces it comes, and answers', async (t) => {
    const requests: string[] = [];
    const relay = async (request: Uint8Array) => {
      requests.push(Buffer.from(request).toString());
      return Buffer.from('welcome');
    };
    const { clusterset, listen } = await world(t, { relay });
    const port = await listen({ kind: 'mesh' });
    const dial = () => tls(clusterset, port, 'isthmus-enrol/1', undefined);
    assert.equal(await exchange(dial(), framed('let me in')), framed('welcome'));
    assert.equal(await exchange(dial(), '\0\0', '\0\x02', 'a', 'b'), framed('welcome'));
    assert.deepEqual(requests, ['let me in', 'ab']);
  });

  it('closes on what is too long, empty or more than one, and on what cannot be relayed', async (t) => {
    const { clusterset, rejected, listen } = await world(t);
    const port = await listen({ kind: 'mesh' });
    const dial = () => tls(clusterset, port, 'isthmus-enrol/1', undefined);
    assert.equal(await exchange(dial(), '\0\x01\0\x01'), '');
    assert.equal(await exchange(dial(), '\0\0\0\0'), '');
    assert.equal(await exchange(dial(), `${framed('a')}b`), '');
    assert.equal(await exchange(dial(), framed('a')), '');
    assert.deepEqual(rejected, [...Array(3).fill('enrolment-malformed'), 'enrolment-not-relayed']);
  });

  it('is refused beyond its rate', async (t) => {
    const { clusterset, rejected, listen } = await world(t, { relay: async () => Buffer.from('w') });
    const port = await listen({ kind: 'mesh' });
    const answers: string[] = [];
    for (let batch = 0; batch < 13; batch++) {
      const dials = Array.from({ length: 5 }, () => tls(clusterset, port, 'isthmus-enrol/1', undefined));
      answers.push(...(await Promise.all(dials.map((socket) => exchange(socket, framed('a'))))));
    }
    assert.equal(answers.filter((answer) => answer !== '').length, 60);
    assert.deepEqual(rejected, Array(5).fill('enrolment-rate'));
  });
});

describe('the TLS passthrough port', () => {
  it('hands over what it read, untouched, with the server name', async (t) => {
    const { listen, served } = await world(t);
    const port = await listen({ kind: 'tls-passthrough' });
    const client = connectTls({ port, host: '127.0.0.1', servername: 'payments.shop.svc.clusterset.local' });
    client.on('error', () => undefined);
    await closed(client);
    const [{ protocol, context, first } = assert.fail('nothing was served')] = served;
    assert.equal(protocol, 'tcp');
    assert.equal(context.origin, 'tls-passthrough');
    assert.equal(context.serverName, 'payments.shop.svc.clusterset.local');
    assert.equal(readClientHello(Buffer.from(first, 'latin1'))?.kind, 'hello');
  });

  it('closes what is no TLS, and tells TLS that names no server', async (t) => {
    const { listen, served, rejected } = await world(t);
    const port = await listen({ kind: 'tls-passthrough' });
    assert.equal(await exchange(connect(port, '127.0.0.1'), 'GET / HTTP/1.1\r\n\r\n'), '');
    const nameless = connectTls({ port, host: '127.0.0.1' });
    const [error] = (await once(nameless, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ERR_SSL_TLSV13_ALERT_MISSING_EXTENSION');
    assert.deepEqual(rejected, ['client-hello-invalid', 'server-name-missing']);
    assert.deepEqual(served, []);
  });

  it('closes one that does not finish its hello in time', async (t) => {
    const { listen, rejected, clock, connections } = await world(t);
    const socket = connect(await listen({ kind: 'tls-passthrough' }), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(Buffer.of(22, 3, 1, 2, 0));
    while (connections.size === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(11_000);
    await closed(socket);
    assert.deepEqual(rejected, ['tls-handshake-timeout']);
  });
});
