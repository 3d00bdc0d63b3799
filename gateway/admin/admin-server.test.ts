import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import type { AdminAddress } from '../config.ts';
import { type AdminHandler, AdminServer, json } from './admin-server.ts';
import { askStatus, printStatus } from './status-client.ts';

const STATUS = {
  cluster: 'east',
  ready: true,
  control: { kind: 'away', sinceMs: 1, reason: 'cannot reach the federation service' },
  workers: [11, 12],
  snapshot: { epoch: 7, version: 8, createdAtMs: 1, services: 3 },
  svid: {
    id: 'spiffe://east.mesh.example/isthmus/gateway',
    serial: '1',
    notAfterMs: 1,
    expiresInSeconds: 43_200,
  },
  peers: [
    {
      cluster: 'west',
      reach: 'synced',
      health: { kind: 'steady' },
      trunk: { cluster: 'west', up: true, sinceMs: 0, rttSeconds: 0.0125 },
    },
    { cluster: 'north', reach: 'unreachable', health: { kind: 'failing', sinceMs: 1 }, trunk: null },
  ],
};

async function open(t: TestContext, address: AdminAddress): Promise<AdminServer> {
  const routes = new Map<string, AdminHandler>([
    ['GET /status', () => json(200, STATUS)],
    ['GET /echo', (query) => json(200, { word: query.get('word') })],
    [
      'GET /mistake',
      () => {
        throw new UserError('no such service', { hint: 'did you mean cart?' });
      },
    ],
  ]);
  const server = await AdminServer.open(address, routes);
  t.after(() => server.close());
  return server;
}

function ask(
  target: { readonly port: number } | { readonly socketPath: string },
  path: string,
  options: { readonly method?: string; readonly host?: string; readonly headers?: object } = {},
): Promise<{ status: number | undefined; body: unknown }> {
  const { method = 'GET', host = 'localhost', headers } = options;
  return new Promise((resolve, reject) => {
    const asked = request({ ...target, path, method, headers: { host, ...headers } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      response.on('end', () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
    });
    asked.once('error', reject);
    asked.end();
  });
}

describe('the admin endpoint', () => {
  it('answers its pages, and names them where there is none', async (t) => {
    const port = await freePort();
    const server = await open(t, { host: '127.0.0.1', port });
    assert.equal(server.address, `127.0.0.1:${port}`);
    assert.deepEqual(await ask({ port }, '/echo?word=a%20b'), { status: 200, body: { word: 'a b' } });
    assert.deepEqual(await ask({ port }, '/mistake'), {
      status: 400,
      body: { error: 'no such service', hint: 'did you mean cart?' },
    });
    const pages = ['GET /status', 'GET /echo', 'GET /mistake'];
    assert.deepEqual(await ask({ port }, '/ech'), { status: 404, body: { error: 'no such page', pages } });
    assert.equal((await ask({ port }, '/echo', { method: 'POST' })).status, 404);
  });

  it('is not for a page that a browser reaches under another name', async (t) => {
    const port = await freePort();
    await open(t, { host: '127.0.0.1', port });
    for (const host of ['evil.example', '127.0.0.1.evil.example', `evil.example:${port}`]) {
      assert.equal((await ask({ port }, '/status', { host })).status, 403, host);
    }
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, '[::1]']) {
      assert.equal((await ask({ port }, '/status', { host })).status, 200, host);
    }
  });

  it('does nothing for the form of a web page', async (t) => {
    const port = await freePort();
    let drained = 0;
    const routes = new Map<string, AdminHandler>([['POST /drain', () => json(202, { drained: ++drained })]]);
    const server = await AdminServer.open({ host: '127.0.0.1', port }, routes);
    t.after(() => server.close());
    const pages: readonly Readonly<Record<string, string>>[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost:3000' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of pages) {
      const { status } = await ask({ port }, '/drain', { method: 'POST', headers });
      assert.equal(status, 403, JSON.stringify(headers));
    }
    assert.equal(drained, 0);
    assert.equal((await ask({ port }, '/drain', { method: 'POST' })).status, 202);
    assert.equal(drained, 1);
  });

  it('says which address is occupied', async (t) => {
    const port = await freePort();
    await open(t, { host: '127.0.0.1', port });
    await assert.rejects(open(t, { host: '127.0.0.1', port }), {
      name: 'UserError',
      message: `cannot open the admin endpoint on 127.0.0.1:${port} (EADDRINUSE)`,
    });
  });

  it('can be on a unix socket, which a killed one may have left behind', async (t) => {
    const socket = join(tempFolder(t), 'admin.sock');
    const first = await open(t, { socket });
    assert.deepEqual(await ask({ socketPath: socket }, '/echo?word=x', { host: 'any' }), {
      status: 200,
      body: { word: 'x' },
    });
    await assert.rejects(open(t, { socket }), /admin\.sock \(EADDRINUSE\)/);
    await first.close();
    await leaveBehind(socket);
    assert.ok(existsSync(socket));
    await open(t, { socket });
    assert.equal((await ask({ socketPath: socket }, '/status')).status, 200);
  });
});

/** A socket file whose process was killed. */
async function leaveBehind(socket: string): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script]), 'exit');
}

describe('gateway status', () => {
  it('asks a gateway wherever its endpoint is, and prints what it says', async (t) => {
    const port = await freePort();
    const socket = join(tempFolder(t), 'admin.sock');
    await open(t, { host: '127.0.0.1', port });
    await open(t, { socket });
    for (const address of [`127.0.0.1:${port}`, socket, { host: '127.0.0.1', port }, { socket }]) {
      assert.deepEqual(await askStatus(address), STATUS);
    }
    assert.deepEqual(printStatus(await askStatus(socket), 90_000).split('\n'), [
      'gateway of east: ready',
      '  workers     2 (11, 12)',
      '  federation  away: cannot reach the federation service',
      '  snapshot    7/8, 3 services',
      '  SVID        spiffe://east.mesh.example/isthmus/gateway, expires in 12 h',
      '  peer        west: synced, steady, trunk up for 90 s, 12.5 ms',
      '  peer        north: unreachable, failing, no trunk yet',
    ]);
    const expired = { ...STATUS, svid: { ...STATUS.svid, expiresInSeconds: -180 } };
    assert.match(printStatus(expired, 90_000), /gateway, expired 3 min ago$/m);
  });

  it('says when nobody answers, or somebody else does', async (t) => {
    const port = await freePort();
    await assert.rejects(
      askStatus(`127.0.0.1:${port}`),
      /no gateway answers on 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/,
    );
    const routes = new Map<string, AdminHandler>([['GET /status', () => json(200, { hello: 'world' })]]);
    const other = await AdminServer.open({ host: '127.0.0.1', port }, routes);
    t.after(() => other.close());
    await assert.rejects(askStatus(`127.0.0.1:${port}`), /is not the admin endpoint of a gateway/);
  });
});
