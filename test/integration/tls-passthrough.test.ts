import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { GatewayProcess, gatewayPorts, writeGatewayFolder } from '../fixtures/gateway-process.ts';
import { missingTools } from '../fixtures/requirement.ts';
import { type ServerCertificate, serverCertificate } from '../fixtures/server-certificate.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';

const run = promisify(execFile);
const NAME = 'payments.shop.svc.clusterset.local';
const BODY = 'only the service itself can read this\n'.repeat(20_000);

/** A web server with a certificate of its own, which no gateway has a key for. */
async function webServer(t: TestContext, { certificatePem, keyPem }: ServerCertificate): Promise<number> {
  const server = createServer({ cert: certificatePem, key: keyPem }, (_request, response) => {
    response.end(BODY);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** East's port for TLS that goes through to services, of which west has `payments`. */
async function world(t: TestContext, pod: number): Promise<{ readonly port: number }> {
  const clusterset = await TestClusterset.create(['east', 'west']);
  const folder = tempFolder(t);
  const [east, west, port] = [await gatewayPorts(), await gatewayPorts(), await freePort()];
  const service = { name: 'payments', protocol: 'tcp', appProtocol: 'tls' } as const;
  const westFile = await writeGatewayFolder(join(folder, 'west'), clusterset, {
    cluster: 'west',
    ports: west,
    peers: { east: [east.mesh] },
    services: [{ ...service, endpoints: [pod], offeredBy: [] }],
  });
  const eastFile = await writeGatewayFolder(join(folder, 'east'), clusterset, {
    cluster: 'east',
    ports: east,
    peers: { west: [west.mesh] },
    services: [
      { ...service, endpoints: [], offeredBy: ['west'] },
      { name: 'plain', protocol: 'http', endpoints: [pod], offeredBy: [] },
    ],
    settings: {
      listeners: {
        http: { host: '127.0.0.1', port: east.http },
        tlsPassthrough: { host: '127.0.0.1', port },
      },
    },
  });
  const westGateway = GatewayProcess.start(t, westFile, west.admin);
  const eastGateway = GatewayProcess.start(t, eastFile, east.admin);
  await Promise.all([westGateway.ready(), eastGateway.ready()]);
  await eastGateway.reaches('west');
  return { port };
}

describe('TLS that no gateway ends', { skip: missingTools('curl') }, () => {
  test('its server name chooses the service, whose own certificate the client checks', async (t) => {
    const certificate = await serverCertificate([NAME]);
    const { port } = await world(t, await webServer(t, certificate));
    const caFile = join(tempFolder(t), 'ca.pem');
    writeFileSync(caFile, certificate.caPem);
    const curl = async (name: string, ...more: string[]): Promise<string> => {
      const url = `https://${name}:${port}/`;
      const to = ['--resolve', `${name}:${port}:127.0.0.1`, '--cacert', caFile];
      return (await run('curl', ['-sS', '--max-time', '20', ...to, ...more, url])).stdout;
    };
    assert.equal(await curl(NAME), BODY);
    assert.equal(await curl(NAME, '--tlsv1.2', '--tls-max', '1.2'), BODY);
    // Ports that are not TLS, short names and strangers have no way through.
    for (const name of ['plain.shop.svc.clusterset.local', 'payments.shop', 'example.com']) {
      await assert.rejects(curl(name), /curl: \(35\)[^\n]*unrecognized name/, name);
    }
    await assert.rejects(
      run('curl', ['-sS', '--max-time', '20', '-k', `https://127.0.0.1:${port}/`]),
      /curl: \(35\)[^\n]*alert/,
    );
    await assert.rejects(
      run('curl', ['-sS', '--max-time', '20', `http://127.0.0.1:${port}/`]),
      /curl: \((52|56)\)/,
    );
  });
});
