import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { ServiceReport } from '../../federation/admin/service-report.ts';
import { serveMemoryStore } from '../../federation/store/memory/serve.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { exportedService, FederationWorld } from '../fixtures/federation-world.ts';
import { IsthmusProcess } from '../fixtures/isthmus-process.ts';
import { RedisServer } from '../fixtures/redis-server.ts';
import { missingTools } from '../fixtures/requirement.ts';

const PATIENCE = { timeout: 120_000 };

interface Readiness {
  readonly kind: string;
  readonly problems?: readonly string[];
}

async function readiness(admin: number): Promise<Readiness | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${admin}/readyz`);
    return (await response.json()) as Readiness;
  } catch {
    // Nobody listens there yet, or no longer.
    return undefined;
  }
}

/** A federation service in a process of its own, once its admin endpoint says `kind`. */
async function running(t: TestContext, config: string, admin: number, kind: string): Promise<IsthmusProcess> {
  const process = IsthmusProcess.start(t, ['federation', 'run', '--config', config]);
  await process.until(`it is ${kind}`, async () => (await readiness(admin))?.kind === kind);
  return process;
}

async function withMemoryStore(t: TestContext) {
  const store = await serveMemoryStore({ host: '127.0.0.1', port: 0 });
  t.after(() => store.close());
  const world = await FederationWorld.create(t, ['east']);
  const admin = await freePort();
  const address = `127.0.0.1:${store.port}`;
  const config = await world.writeConfig('east', { admin, store: { kind: 'memory', address } });
  return { world, config, admin };
}

describe('isthmus federation run', PATIENCE, () => {
  it('ends on SIGTERM with 0, and again after SIGKILL finds what it knew', async (t) => {
    const { world, config, admin } = await withMemoryStore(t);
    await world.writeResource('east', 'cart.yaml', exportedService('cart', [{ address: '10.0.0.1' }]));
    const first = await running(t, config, admin, 'ready');
    const status = IsthmusProcess.start(t, ['federation', 'status', '--config', config, '--output', 'json']);
    assert.equal((await status.ended).code, 0, status.stderr);
    const before = JSON.parse(status.stdout);
    assert.deepEqual([before.cluster, before.snapshot.services], ['east', 1]);
    const answer = await (await fetch(`http://127.0.0.1:${admin}/services`)).json();
    const [service] = (answer as { services: readonly ServiceReport[] }).services;
    assert.deepEqual(
      service?.clusters.map(({ cluster, hosts }) => [cluster, hosts]),
      [['east', 1]],
    );
    await first.stop('SIGKILL');
    const second = await running(t, config, admin, 'ready');
    const { code, signal } = await second.stop('SIGTERM');
    assert.deepEqual([code, signal], [0, null], second.stderr);
    const third = await running(t, config, admin, 'ready');
    const text = IsthmusProcess.start(t, ['federation', 'status', '--config', config]);
    await text.ended;
    assert.match(text.stdout, /^cluster east of mesh\.example: ready$/m);
    assert.equal((await third.stop('SIGINT')).code, 0);
    assert.match(third.stderr, /"message":"the federation service ends"/);
  });

  it('goes on with broken resources, and names file and line', async (t) => {
    const { world, config, admin } = await withMemoryStore(t);
    await world.writeResource('east', 'cart.yaml', exportedService('cart', [{ address: '10.0.0.1' }]));
    const process = await running(t, config, admin, 'ready');
    await world.writeResource('east', 'cart.yaml', 'kind: [');
    const says = async (problem: RegExp): Promise<boolean> =>
      ((await readiness(admin))?.problems ?? []).some((text) => problem.test(text));
    await process.until('it says where', () => says(/cart\.yaml:1: /));
    assert.equal((await readiness(admin))?.kind, 'degraded');
    const state = await (await fetch(`http://127.0.0.1:${admin}/state`)).json();
    assert.equal((state as { snapshot: { services: number } }).snapshot.services, 1);
  });

  it('goes on without its store, naming the address', async (t) => {
    const world = await FederationWorld.create(t, ['east']);
    const [admin, nobody] = [await freePort(), await freePort()];
    const config = await world.writeConfig('east', {
      admin,
      store: { kind: 'redis', urls: [`redis://127.0.0.1:${nobody}`] },
    });
    const process = await running(t, config, admin, 'degraded');
    await process.until('it says where', () => process.stderr.includes(`127.0.0.1:${nobody}`));
    assert.match((await readiness(admin))?.problems?.join() ?? '', new RegExp(`127\\.0\\.0\\.1:${nobody}`));
    const status = IsthmusProcess.start(t, ['federation', 'status', '--config', config]);
    assert.equal((await status.ended).code, 3, status.stderr);
    assert.equal((await process.stop()).code, 0);
  });

  it('says that a password is wrong, and never which', { skip: missingTools('redis-server') }, async (t) => {
    const redis = await RedisServer.start(t, { password: 'the-right-one' });
    const world = await FederationWorld.create(t, ['east']);
    const admin = await freePort();
    await writeFile(world.folder('east', 'password'), 'the-wrong-one\n');
    const config = await world.writeConfig('east', {
      admin,
      store: { kind: 'redis', urls: [`redis://${redis.host}:${redis.port}`], passwordFile: 'password' },
    });
    const process = await running(t, config, admin, 'degraded');
    await process.until('it says so', () => /password/i.test(process.stderr));
    assert.match(process.stderr, new RegExp(`${redis.host}:${redis.port}`));
    assert.doesNotMatch(process.stderr, /the-wrong-one|the-right-one/);
    assert.equal((await process.stop()).code, 0);
  });

  it('does not start on an occupied port, and shows no stack', async (t) => {
    const { world, admin } = await withMemoryStore(t);
    const occupier = createServer();
    t.after(() => occupier.close());
    const listen = await freePort();
    await new Promise<void>((resolve) => occupier.listen(listen, '127.0.0.1', resolve));
    const store = { kind: 'memory', address: '127.0.0.1:1' };
    const config = await world.writeConfig('east', { admin, listen, store });
    const process = IsthmusProcess.start(t, ['federation', 'run', '--config', config]);
    assert.equal((await process.ended).code, 1);
    assert.match(
      process.stderr,
      new RegExp(`^error: cannot listen on 127\\.0\\.0\\.1:${listen}: .*in use$`, 'm'),
    );
    assert.match(process.stderr, /^hint: /m);
    assert.doesNotMatch(process.stderr, /^ +at /m);
  });

  it('names file and line of a broken configuration', async (t) => {
    const { config } = await withMemoryStore(t);
    await writeFile(config, 'cluster: east\nclusterset: mesh.example\nlisten: { port: 99999 }\n');
    const process = IsthmusProcess.start(t, ['federation', 'run', '--config', config]);
    assert.equal((await process.ended).code, 1);
    assert.match(process.stderr, /federation\.yaml:3: /);
    assert.doesNotMatch(process.stderr, /^ +at /m);
  });
});

describe('isthmus federation store', PATIENCE, () => {
  it('runs until it is told to end, and takes only addresses', async (t) => {
    const port = await freePort();
    const store = IsthmusProcess.start(t, ['federation', 'store', '--listen', `127.0.0.1:${port}`]);
    await store.until('it listens', () => store.stderr.includes('the memory store runs'));
    assert.equal((await store.stop()).code, 0);
    const wrong = IsthmusProcess.start(t, ['federation', 'store', '--listen', 'nowhere']);
    assert.equal((await wrong.ended).code, 2);
    assert.match(wrong.stderr, /HOST:PORT/);
  });
});
