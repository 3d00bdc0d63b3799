import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { FederationWorld } from '../fixtures/federation-world.ts';
import { startGateway } from '../fixtures/gateway-pair.ts';
import { gatewayPorts } from '../fixtures/gateway-process.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';

async function page(port: number, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

describe('telemetry for kubelet and Prometheus', { timeout: 120_000 }, () => {
  it('of a gateway: the three pages of its admin endpoint, and nothing that it could be told', async (t) => {
    const telemetry = await freePort();
    const ports = await gatewayPorts();
    const settings = { telemetry: { host: '127.0.0.1', port: telemetry } };
    const plan = { cluster: 'east', ports, services: [], peers: {}, settings };
    const gateway = await startGateway(t, tempFolder(t), await TestClusterset.create(['east']), plan);
    await gateway.ready();
    assert.deepEqual(await page(telemetry, '/readyz'), {
      status: 200,
      text: '{\n  "status": "ready"\n}\n',
    });
    assert.equal((await page(telemetry, '/healthz')).status, 200);
    assert.match((await page(telemetry, '/metrics')).text, /^# HELP isthmus_/m);
    for (const path of ['/status', '/snapshot', '/peers', '/why']) {
      assert.equal((await page(telemetry, path)).status, 404);
    }
    assert.equal((await page(telemetry, '/drain', 'POST')).status, 405);
    assert.equal((await page(ports.admin, '/readyz')).status, 200, 'still ready: it was not told to drain');
  });

  it('of a federation service: without the reasons, which name services and files', async (t) => {
    const world = await FederationWorld.create(t, ['east']);
    await world.writeResource('east', 'broken.yaml', 'kind: Service\nmetadata: { name: secret-name }\n');
    const east = await world.start('east', { telemetry: { host: '127.0.0.1', port: 0 } });
    const port = east.service.addresses.telemetry?.port ?? 0;
    const gateway = (await world.follow(east)).hello();
    await gateway.until(() => true);
    assert.deepEqual(await page(port, '/readyz'), { status: 200, text: '{\n  "kind": "degraded"\n}\n' });
    assert.match((await page(port, '/metrics')).text, /^isthmus_/m);
    assert.equal((await page(port, '/state')).status, 404);
    assert.equal((await page(port, '/leave', 'POST')).status, 405);
  });

  it('is refused by name where the port is another program’s', async (t) => {
    const world = await FederationWorld.create(t, ['east', 'west']);
    const east = await world.start('east', { telemetry: { host: '127.0.0.1', port: 0 } });
    const taken = east.service.addresses.telemetry;
    await assert.rejects(world.start('west', { telemetry: taken }), {
      name: 'UserError',
      message: `cannot listen on 127.0.0.1:${taken?.port}: the port is in use`,
    });
  });
});
