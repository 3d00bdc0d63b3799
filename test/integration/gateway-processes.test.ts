import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { workloadId } from '../../federation/model/identity.ts';
import type { WhyAnswer } from '../../federation/why/answer.ts';
import { get, PAIR_HOST, startPair, workersOf } from '../fixtures/gateway-pair.ts';
import type { GatewayProcess } from '../fixtures/gateway-process.ts';
import { Http2Client } from '../fixtures/http2-client.ts';
import { missingTools } from '../fixtures/requirement.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';

const run = promisify(execFile);

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
      run('curl', ['-sS', '--fail', '-H', `Host: ${PAIR_HOST}`, shared]),
      run('curl', ['-sS', '--fail', '--http2-prior-knowledge', '-H', `Host: ${PAIR_HOST}`, shared]),
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
        servername: PAIR_HOST,
        ALPNProtocols: alpn,
        ca: clusterset.root.certificatePem,
        checkServerIdentity: () => undefined,
        ...(svid && { cert: svid.certificateChainPem, key: svid.privateKeyPem }),
      });
      t.after(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.write(`GET /tls HTTP/1.1\r\nHost: ${PAIR_HOST}\r\nConnection: close\r\n\r\n`);
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
    for (const client of clients)
      assert.equal((await client.request({ ':authority': PAIR_HOST })).status, 200);
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
    // About half of them: a worker takes the next connection when it has said that it took the last.
    assert.ok(
      left.length > 0 && left.length < clients.length,
      `${left.length} of ${clients.length} are left`,
    );
    for (const client of left) assert.equal((await client.request({ ':authority': PAIR_HOST })).status, 200);
    const agent = new Agent();
    for (let count = 0; count < 4; count++) {
      assert.equal((await get(agent, eastPlan.ports.http, '/')).body, 'west done\n');
    }
    assert.match(east.stderr, /a worker died; another follows/);
  });

  it('explain with what the workers found: an ejected endpoint, and how the others are balanced', async (t) => {
    const loadBalancing = { kind: 'round-robin', slowStart: undefined } as const;
    const { west, westPlan, pods } = await startPair(t, {}, { pods: 2, loadBalancing });
    pods[1]?.close();
    const agent = new Agent();
    const explained = async () => {
      const { body } = await west.admin('/why?service=shop/payments');
      return JSON.parse(body) as WhyAnswer;
    };
    let answer = await explained();
    while (answer.balancing.localities[0]?.healthy !== 1) {
      assert.equal((await get(agent, westPlan.ports.http, '/')).body, 'west done\n');
      answer = await explained();
    }
    assert.equal(answer.balancing.kind, 'round-robin');
    assert.equal(answer.balancing.localities[0]?.endpoints, 2);
    assert.equal(answer.route.clusters.find(({ local }) => local)?.healthy, 1);
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
