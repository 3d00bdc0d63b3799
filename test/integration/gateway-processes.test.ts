import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { workloadId } from '../../federation/model/identity.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import {
  type GatewayPlan,
  GatewayProcess,
  gatewayPorts,
  writeGatewayFolder,
} from '../fixtures/gateway-process.ts';
import { Http1Backend } from '../fixtures/http1-backend.ts';
import { Http2Client } from '../fixtures/http2-client.ts';
import { missingTools } from '../fixtures/requirement.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';

const run = promisify(execFile);
const HOST = 'payments.shop.svc.clusterset.local';

interface Pair {
  readonly east: GatewayProcess;
  readonly west: GatewayProcess;
  readonly eastPlan: GatewayPlan;
  readonly folder: string;
  readonly clusterset: TestClusterset;
  readonly backend: Http1Backend;
}

/** East, where clients are, and west, where the pods are, each with workers of their own. */
async function startPair(t: TestContext, settings: Partial<GatewayPlan> = {}): Promise<Pair> {
  const folder = tempFolder(t);
  const clusterset = await TestClusterset.create(['east', 'west']);
  const backend = await Http1Backend.start(t, 'west');
  const [eastPorts, westPorts] = await Promise.all([gatewayPorts(), gatewayPorts()]);
  const service = { name: 'payments', protocol: 'http' } as const;
  const eastPlan: GatewayPlan = {
    cluster: 'east',
    ports: eastPorts,
    services: [{ ...service, endpoints: [], offeredBy: ['west'], listenPort: await freePort() }],
    peers: { west: [westPorts.mesh] },
    workers: 2,
    ...settings,
  };
  const westPlan: GatewayPlan = {
    cluster: 'west',
    ports: westPorts,
    services: [{ ...service, endpoints: [backend.port], offeredBy: [] }],
    peers: { east: [eastPorts.mesh] },
  };
  const east = await start(t, join(folder, 'east'), clusterset, eastPlan);
  const west = await start(t, join(folder, 'west'), clusterset, westPlan);
  await Promise.all([east.ready(), west.ready()]);
  // Ready is who serves with one worker; the tests count on all of them.
  while ((await workersOf(east)).length < (eastPlan.workers ?? 1)) await sleep(20);
  return { east, west, eastPlan, folder, clusterset, backend };
}

async function start(
  t: TestContext,
  folder: string,
  clusterset: TestClusterset,
  plan: GatewayPlan,
): Promise<GatewayProcess> {
  const configFile = await writeGatewayFolder(folder, clusterset, plan);
  return GatewayProcess.start(t, configFile, plan.ports.admin);
}

/** One request; the body, or a rejection when anything about it fails. */
function get(
  agent: Agent,
  port: number,
  path: string,
): Promise<{ body: string; lastOfItsConnection: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, port, path, host: '127.0.0.1', headers: { host: HOST } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode !== 200) reject(new Error(`${response.statusCode}: ${body}`));
        else resolve({ body, lastOfItsConnection: response.headers.connection === 'close' });
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function workersOf(gateway: GatewayProcess): Promise<number[]> {
  const { body } = await gateway.admin('/status');
  return (JSON.parse(body) as { workers: number[] }).workers;
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended; only its parent has not looked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    // There is no such process any more.
    return false;
  }
}

describe('two gateways in processes of their own', () => {
  it('serve HTTP/1.1 and HTTP/2 across a trunk, and tell of it', {
    skip: missingTools('curl'),
  }, async (t) => {
    const { east, west, eastPlan, folder, backend } = await startPair(t);
    const shared = `http://127.0.0.1:${eastPlan.ports.http}/a?secret=1`;
    const own = `http://127.0.0.1:${eastPlan.services[0]?.listenPort}/b`;
    const answers = await Promise.all([
      run('curl', ['-sS', '--fail', '-H', `Host: ${HOST}`, shared]),
      run('curl', ['-sS', '--fail', '--http2-prior-knowledge', '-H', `Host: ${HOST}`, shared]),
      run('curl', ['-sS', '--fail', own]),
    ]);
    for (const { stdout } of answers) assert.equal(stdout, 'west done\n');
    assert.equal(backend.requests.length, 3);
    const { body: metrics } = await east.admin('/metrics');
    const labels = 'source_cluster="east",destination_cluster="west",destination_service="payments"';
    assert.ok(metrics.includes(`isthmus_requests_total{${labels}`), metrics);
    assert.match(metrics, /protocol="http1",code="200",flags="-"\} 2\n/);
    assert.match(metrics, /protocol="http2",code="200",flags="-"\} 1\n/);
    assert.match(metrics, /isthmus_trunk_up\{cluster="west"\} 1\n/);
    const { body: peers } = await east.admin('/peers');
    assert.equal(JSON.parse(peers).peers[0].trunk.up, true);
    const { body: why } = await east.admin('/why?service=shop/payments');
    assert.equal(JSON.parse(why).route.target, 'shop/payments:main');
    for (const gateway of [east, west]) {
      gateway.process.kill('SIGTERM');
      assert.deepEqual(await gateway.exited, { code: 0, signal: null });
    }
    const lines = readFileSync(join(folder, 'east/access.log'), 'utf8').trim().split('\n');
    const records = lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      records.map((record) => [record.status, record.destinationCluster]),
      Array(3).fill([200, 'west']),
    );
    assert.deepEqual(records.map((record) => record.path).sort(), ['/a', '/a', '/b']);
  });

  it('let clients in over TLS by their SVID, and by nothing less', async (t) => {
    const { eastPlan, clusterset } = await startPair(t);
    const cart = await clusterset.svid('east', workloadId('east.mesh.example', 'shop', 'cart'));
    const foreign = await TestClusterset.create(['east']);
    const stranger = await foreign.svid('east', workloadId('east.mesh.example', 'shop', 'cart'));
    const ask = async (port: number, svid: typeof cart | undefined, alpn: string[]): Promise<string> => {
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        servername: HOST,
        ALPNProtocols: alpn,
        ca: clusterset.root.certificatePem,
        checkServerIdentity: () => undefined,
        ...(svid && { cert: svid.certificateChainPem, key: svid.privateKeyPem }),
      });
      t.after(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.write(`GET /tls HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
      let answer = '';
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
      });
      await once(socket, 'close');
      return answer.split('\r\n')[0] ?? '';
    };
    for (const port of [eastPlan.ports.http, eastPlan.ports.mesh]) {
      assert.equal(await ask(port, cart, ['http/1.1']), 'HTTP/1.1 200 OK');
      assert.equal(await ask(port, undefined, ['http/1.1']), '');
      assert.equal(await ask(port, stranger, ['http/1.1']), '');
      assert.equal(await ask(port, cart, ['isthmus/1']), '');
      assert.equal(await ask(port, cart, []), '');
    }
  });

  it('go on when a worker is killed, with the connections of the other', async (t) => {
    const { east, eastPlan } = await startPair(t);
    const clients = Array.from({ length: 8 }, () => new Http2Client(t, eastPlan.ports.http));
    for (const client of clients) assert.equal((await client.request({ ':authority': HOST })).status, 200);
    const [victim] = await workersOf(east);
    assert.ok(victim !== undefined);
    const closed = Promise.all(
      clients.map(async (client) => {
        if (!client.session.closed && !client.session.destroyed) await once(client.session, 'close');
      }),
    );
    process.kill(victim, 'SIGKILL');
    await Promise.race([closed, untilReplaced(east, victim)]);
    const left = clients.filter(({ session }) => !session.closed && !session.destroyed);
    assert.equal(left.length, clients.length / 2);
    for (const client of left) assert.equal((await client.request({ ':authority': HOST })).status, 200);
    const agent = new Agent();
    for (let count = 0; count < 4; count++) {
      assert.equal((await get(agent, eastPlan.ports.http, '/')).body, 'west done\n');
    }
    assert.match(east.stderr, /a worker died; another follows/);
  });

  it('leave no worker behind when the parent is killed', async (t) => {
    const { east } = await startPair(t);
    const workers = await workersOf(east);
    assert.equal(workers.length, 2);
    east.process.kill('SIGKILL');
    while (workers.some(isAlive)) await sleep(20);
  });
});

async function untilReplaced(gateway: GatewayProcess, pid: number): Promise<void> {
  for (;;) {
    const workers = await workersOf(gateway);
    if (workers.length === 2 && !workers.includes(pid)) return;
    await sleep(20);
  }
}

describe('a gateway that is told to end under load', () => {
  it('finishes every request that was sent to it', async (t) => {
    const { east, eastPlan, backend } = await startPair(t);
    const { http } = eastPlan.ports;
    const outcomes: Outcomes = { answered: 0, failed: [], unsent: [] };
    const load = [
      ...Array.from({ length: 12 }, () => keepAskingHttp1(http, outcomes)),
      ...Array.from({ length: 4 }, (_, client) => keepAskingHttp2(http, client, outcomes)),
    ];
    while (outcomes.answered < 300) await sleep(10);
    east.process.kill('SIGTERM');
    assert.deepEqual(await east.exited, { code: 0, signal: null });
    await Promise.all(load);
    assert.deepEqual(outcomes.failed, []);
    const seen = new Set(backend.requests.map((headers) => headers['x-number']));
    assert.deepEqual(
      outcomes.unsent.filter((number) => seen.has(number)),
      [],
    );
  });

  it('takes connections for the delay that it was given, while it says that it is not ready', async (t) => {
    const { east, eastPlan } = await startPair(t, { settings: { drainDelayMs: 1_500 } });
    assert.equal((await east.admin('/drain', 'POST')).status, 202);
    assert.equal((await east.admin('/readyz')).status, 503);
    assert.equal((await get(new Agent(), eastPlan.ports.http, '/')).body, 'west done\n');
    assert.deepEqual(await east.exited, { code: 0, signal: null });
  });

  it('does not wait for connections on which nothing happens', async (t) => {
    const { east, eastPlan } = await startPair(t, { settings: { drainGraceMs: 600_000 } });
    const silent = connect(eastPlan.ports.http, '127.0.0.1');
    const agent = new Agent({ keepAlive: true });
    await get(agent, eastPlan.ports.http, '/');
    t.after(() => agent.destroy());
    east.process.kill('SIGTERM');
    assert.deepEqual(await east.exited, { code: 0, signal: null });
    silent.destroy();
  });

  it('ends at once at the second signal', async (t) => {
    const { east, eastPlan } = await startPair(t, { settings: { drainGraceMs: 600_000 } });
    const agent = new Agent();
    const pending = get(agent, eastPlan.ports.http, '/?delay=600000').catch((error: Error) => error);
    await sleep(200);
    east.process.kill('SIGTERM');
    while (!east.stderr.includes('"draining"')) await sleep(20);
    east.process.kill('SIGTERM');
    await east.exited;
    assert.ok((await pending) instanceof Error);
  });
});

interface Outcomes {
  answered: number;
  readonly failed: string[];
  /** Numbers of requests that nghttp2 refused by itself: it had queued them when GOAWAY came. */
  readonly unsent: string[];
}

/** One keep-alive connection, until the gateway says that it takes no more on it. */
async function keepAskingHttp1(port: number, outcomes: Outcomes): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (;;) {
    try {
      const { body, lastOfItsConnection } = await get(agent, port, '/?delay=20');
      assert.equal(body, 'west done\n');
      outcomes.answered++;
      if (lastOfItsConnection) break;
    } catch (error) {
      outcomes.failed.push(String(error));
      break;
    }
  }
  agent.destroy();
}

/** Streams on one connection, until the gateway says that it takes no more on it. */
async function keepAskingHttp2(port: number, client: number, outcomes: Outcomes): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', (error) => outcomes.failed.push(String(error)));
  const streams: Promise<void>[] = [];
  let open = true;
  session.once('goaway', () => {
    open = false;
  });
  while (open && !session.closed) {
    const number = `${client}-${streams.length}`;
    const stream = session.request({ ':authority': HOST, ':path': '/?delay=20', 'x-number': number });
    streams.push(outcomeOf(stream, number, outcomes));
    await sleep(5);
  }
  await Promise.all(streams);
  session.close();
}

function outcomeOf(stream: ClientHttp2Stream, number: string, outcomes: Outcomes): Promise<void> {
  return new Promise((resolve) => {
    let body = '';
    stream.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8');
    });
    stream.on('error', (error) => {
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) outcomes.unsent.push(number);
      else outcomes.failed.push(String(error));
    });
    stream.on('close', () => {
      if (stream.rstCode === 0 && body === 'west done\n') outcomes.answered++;
      else if (stream.rstCode === 0) outcomes.failed.push(`body ${JSON.stringify(body)}`);
      resolve();
    });
    stream.end();
  });
}

describe('a gateway that cannot start', () => {
  it('says which address is occupied and what to do, and leaves nothing running', async (t) => {
    const folder = tempFolder(t);
    const clusterset = await TestClusterset.create(['east']);
    const ports = await gatewayPorts();
    const squatter = createServer();
    squatter.listen(ports.mesh, '127.0.0.1');
    await once(squatter, 'listening');
    t.after(() => squatter.close());
    const gateway = await start(t, folder, clusterset, { cluster: 'east', ports, services: [], peers: {} });
    assert.deepEqual(await gateway.exited, { code: 1, signal: null });
    const said = gateway.stderr.split('\n').filter((line) => !line.startsWith('{'));
    assert.deepEqual(said, [
      `error: cannot listen on 127.0.0.1:${ports.mesh} (EADDRINUSE)`,
      'hint: another program listens there: stop it, or change listeners.mesh',
      '',
    ]);
    await assert.rejects(once(connect(ports.http, '127.0.0.1'), 'connect'), /ECONNREFUSED/);
  });

  it('names file and line of a mistake in its configuration', async (t) => {
    const folder = tempFolder(t);
    const clusterset = await TestClusterset.create(['east']);
    const ports = await gatewayPorts();
    const settings = { listners: {} };
    const plan = { cluster: 'east', ports, services: [], peers: {}, settings };
    const gateway = await start(t, folder, clusterset, plan);
    assert.equal((await gateway.exited).code, 1);
    assert.match(
      gateway.stderr,
      /^error: .*gateway\.yaml:\d+: listners: unknown key\nhint: did you mean listeners\?\n$/,
    );
  });
});
