import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { printBundle } from '../../trust/bundle.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { FakeFederation } from '../fixtures/fake-federation.ts';
import { startGateway } from '../fixtures/gateway-pair.ts';
import {
  type GatewayPlan,
  GatewayProcess,
  gatewayPorts,
  writeGatewayFolder,
} from '../fixtures/gateway-process.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';
import { testSnapshot } from '../fixtures/test-snapshot.ts';

describe('a gateway that cannot start', () => {
  it('says which address is occupied and what to do, and leaves nothing running', async (t) => {
    const folder = tempFolder(t);
    const clusterset = await TestClusterset.create(['east']);
    const ports = await gatewayPorts();
    const squatter = createServer();
    squatter.listen(ports.mesh, '127.0.0.1');
    await once(squatter, 'listening');
    t.after(() => squatter.close());
    const gateway = await startGateway(t, folder, clusterset, {
      cluster: 'east',
      ports,
      services: [],
      peers: {},
    });
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
    const gateway = await startGateway(t, folder, clusterset, plan);
    assert.equal((await gateway.exited).code, 1);
    assert.match(
      gateway.stderr,
      /^error: .*gateway\.yaml:\d+: listners: unknown key\nhint: did you mean listeners\?\n$/,
    );
  });

  it('says that its secret is refused, and ends', async (t) => {
    const here = await federated(t, 'wrong');
    assert.equal((await here.gateway.exited).code, 1);
    const said = here.gateway.stderr.split('\n').filter((line) => !line.startsWith('{'));
    assert.deepEqual(said, [
      `error: the federation service at 127.0.0.1:${here.federation.port} refuses this gateway: the proof is not the secret`,
      'hint: the secret file of the gateway and gatewaySecretFile of the federation service must be the same',
      '',
    ]);
  });

  it('refuses the state folder of another cluster', async (t) => {
    const { folder, gateway, federation } = await federated(t, 'right');
    federation.send({ snapshot: await helloAndSnapshot(federation) });
    await gateway.ready();
    gateway.process.kill('SIGTERM');
    assert.equal((await gateway.exited).code, 0);
    const path = join(folder, 'gateway.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace('cluster: east', 'cluster: west'));
    const other = GatewayProcess.start(t, path, 1);
    assert.equal((await other.exited).code, 1);
    assert.match(
      other.stderr,
      /^error: .*owner\.json: the state folder belongs to east\.mesh\.example, not west\.mesh\.example\nhint: /,
    );
  });

  it('waits for a federation service that is away, and says so', async (t) => {
    const { gateway, federation, restart } = await federated(t, 'right', 'away');
    while (!gateway.stderr.includes('cannot reach the federation service')) await sleep(20);
    const { status, body } = await gateway.admin('/readyz');
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(body).lacks.slice(0, 2), ['an SVID', 'a snapshot']);
    assert.doesNotMatch(gateway.stderr, /\n\s+at /);
    const back = await restart(federation.port);
    back.send({ snapshot: await helloAndSnapshot(back) });
    await gateway.ready();
  });
});

/** A gateway with a federation service that the test plays. */
async function federated(t: TestContext, secret: 'right' | 'wrong', service: 'there' | 'away' = 'there') {
  const folder = tempFolder(t);
  const clusterset = await TestClusterset.create(['east', 'west']);
  const restart = (port: number) =>
    FakeFederation.start(t, { clusterset, cluster: 'east', secret: 'right', port });
  // Below the ports that systems give out, for one that is away leaves it free.
  const federation = await restart(await freePort());
  if (service === 'away') federation.close();
  const plan: GatewayPlan = {
    cluster: 'east',
    ports: await gatewayPorts(),
    services: [],
    peers: {},
    settings: {
      static: undefined,
      federation: {
        address: `127.0.0.1:${federation.port}`,
        secretFile: 'secret',
        bundleFile: 'bundle.json',
      },
    },
  };
  const configFile = await writeGatewayFolder(folder, clusterset, plan);
  writeFileSync(join(folder, 'secret'), `${secret}\n`);
  writeFileSync(join(folder, 'bundle.json'), printBundle(clusterset.bundle));
  const gateway = GatewayProcess.start(t, configFile, plan.ports.admin);
  return { folder, gateway, federation, restart };
}

async function helloAndSnapshot(federation: FakeFederation) {
  await federation.heard('hello');
  return testSnapshot({ cluster: 'east', peers: {}, bundles: federation.bundles, services: [] });
}
