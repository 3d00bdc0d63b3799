import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalCluster } from '../../federation/model/cluster.ts';
import { gatewayId } from '../../federation/model/identity.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { UserError } from '../../federation/model/user-error.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import type { Readable } from '../../federation/runtime/watchable.ts';
import { diffSnapshots } from '../../federation/wire/snapshot-delta.ts';
import { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { FakeFederation } from '../../test/fixtures/fake-federation.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { printBundle } from '../../trust/bundle.ts';
import type { ApplySnapshot } from './control-plane.ts';
import { FederationControl } from './federation-control.ts';
import { StateFolder } from './state-folder.ts';

const local: LocalCluster = {
  name: 'east',
  clusterset: 'mesh.example',
  trustDomain: 'east.mesh.example',
  locality: { region: 'eu', zone: 'eu-a' },
};

interface World {
  readonly folder: string;
  readonly clusterset: TestClusterset;
  snapshot(version: number, cluster?: string): RoutingSnapshot;
}

async function world(t: TestContext): Promise<World> {
  const folder = tempFolder(t);
  const clusterset = await TestClusterset.create(['east', 'west']);
  writeFileSync(join(folder, 'bundle.json'), printBundle(clusterset.bundle));
  writeFileSync(join(folder, 'secret'), 'correct horse\n');
  const snapshot = (version: number, cluster = 'east'): RoutingSnapshot =>
    testSnapshot({
      cluster,
      version,
      peers: { west: [1] },
      bundles: clusterset.bundles,
      services: [{ name: `service-${version}`, protocol: 'http', endpoints: [], offeredBy: ['west'] }],
    });
  return { folder, clusterset, snapshot };
}

interface Running {
  readonly control: FederationControl;
  readonly applied: RoutingSnapshot[];
  readonly fatal: UserError[];
  readonly errors: string[];
}

async function follow(
  t: TestContext,
  { folder }: World,
  port: number,
  apply: ApplySnapshot = () => Promise.resolve(),
  proof: 'secret' | 'token' = 'secret',
  softwareVersion = '1.2.3',
): Promise<Running> {
  const errors: string[] = [];
  const applied: RoutingSnapshot[] = [];
  const fatal: UserError[] = [];
  const address = { host: '127.0.0.1', port };
  const silent = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (what: unknown, text = '') =>
      errors.push(typeof what === 'string' ? what : `${JSON.stringify(what)} ${text}`),
  };
  const control = new FederationControl({
    config: {
      kind: 'federation',
      address,
      issuerAddress: address,
      replicas: [],
      secretFile: join(folder, 'secret'),
      proof,
      bundleFile: join(folder, 'bundle.json'),
    },
    local,
    folder: await StateFolder.open(join(folder, 'state'), local, () => 'pod-1', softwareVersion),
    encoder: new SnapshotEncoder(),
    clock: SYSTEM_CLOCK,
    random: Math.random,
    log: silent,
    softwareVersion,
    onFatal: (error) => fatal.push(error),
  });
  t.after(() => control.close());
  await control.start(async (offer) => {
    await apply(offer);
    applied.push(offer.snapshot);
  });
  return { control, applied, fatal, errors };
}

/** Follows until it has a snapshot, which is on the disk then, and ends. */
async function storedBefore(
  t: TestContext,
  here: World,
  federation: FakeFederation,
  version: number,
): Promise<FederationControl> {
  const { control } = await follow(t, here, federation.port);
  await federation.heard('hello');
  federation.send({ snapshot: here.snapshot(version) });
  await federation.heard('ack');
  await control.close();
  return control;
}

/** Opens a pipe for writing as soon as somebody reads it. */
async function openWhenRead(path: string): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENXIO')) throw error;
      await sleep(20);
    }
  }
}

/** Resolves when the value is as wanted. */
function until<T>(readable: Readable<T>, wanted: (value: T) => boolean): Promise<void> {
  if (wanted(readable.value)) return Promise.resolve();
  return new Promise((resolve) => {
    const end = readable.watch((value) => {
      if (!wanted(value)) return;
      end();
      resolve();
    });
  });
}

describe('the gateway’s side of its federation service', () => {
  it('gets an SVID for its secret, follows, and acknowledges snapshots and deltas', async (t) => {
    const here = await world(t);
    const federation = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse' });
    const { control, applied } = await follow(t, here, federation.port);
    const hello = await federation.heard('hello');
    assert.deepEqual(
      [hello.gateway, hello.softwareVersion, hello.epoch, hello.snapshotVersion],
      ['pod-1', '1.2.3', 0n, 0n],
    );
    assert.equal(control.svid.value?.id.text, gatewayId('east.mesh.example').text);
    const first = here.snapshot(1);
    federation.send({ snapshot: first });
    assert.equal((await federation.heard('ack')).snapshotVersion, 1n);
    const received = applied[0];
    assert.ok(received !== undefined);
    const services = new Map(here.snapshot(2).services);
    const delta = diffSnapshots(received, { ...received, version: 2, services });
    assert.ok(delta !== undefined);
    federation.send({ delta });
    assert.equal((await federation.heard('ack', 2)).snapshotVersion, 2n);
    assert.deepEqual([...(applied[1]?.services.keys() ?? [])], ['shop/service-2']);
    assert.equal(applied[1]?.peers, received.peers);
    assert.equal(control.state.value.kind, 'following');
  });

  it('asks for everything when another release stored what it has', async (t) => {
    const here = await world(t);
    const federation = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse' });
    await storedBefore(t, here, federation, 7);
    for (const [release, version] of [
      ['1.3.0', 0n],
      ['1.2.3', 7n],
    ] as const) {
      const hellos = federation.said.filter((said) => said.case === 'hello').length;
      const { control, applied } = await follow(t, here, federation.port, undefined, undefined, release);
      const hello = await federation.heard('hello', hellos + 1);
      assert.equal(applied[0]?.version, 7, 'and serves with it meanwhile');
      assert.deepEqual([hello.epoch, hello.snapshotVersion], [1n, version]);
      await control.close();
    }
  });

  it('ends at once when it is closed while it dials', async (t) => {
    const here = await world(t);
    // Not one of those that outgoing connections take, which it would lose to one between its two servers.
    const port = await freePort();
    const options = { ...here, cluster: 'east', secret: 'correct horse', port };
    const federation = await FakeFederation.start(t, options);
    const { control } = await follow(t, here, federation.port);
    await federation.heard('hello');
    // The roots are read for each dial: a pipe in their place says when, and holds it there.
    const bundle = join(here.folder, 'bundle.json');
    const text = readFileSync(bundle);
    rmSync(bundle);
    execFileSync('mkfifo', [bundle]);
    federation.close();
    const pipe = await openWhenRead(bundle);
    const closed = control.close();
    await FakeFederation.start(t, options);
    await pipe.writeFile(text);
    await pipe.close();
    await closed;
  });

  it('refuses what is broken, foreign, older or without a base, and says why; the last good stays', async (t) => {
    const here = await world(t);
    const federation = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse' });
    let refuseVersion = 0;
    const { applied } = await follow(t, here, federation.port, async ({ snapshot }) => {
      if (snapshot.version === refuseVersion) throw new Error('a worker cannot compile it');
    });
    await federation.heard('hello');
    const nack = async (count: number): Promise<string> => (await federation.heard('nack', count)).reason;
    const base = here.snapshot(5);
    const delta = diffSnapshots(base, { ...base, version: 6, services: new Map() });
    assert.ok(delta !== undefined);
    federation.send({ delta });
    assert.match(await nack(1), /there is no snapshot that it could change/);
    federation.send({ snapshot: here.snapshot(5) });
    await federation.heard('ack');
    federation.send({ snapshot: here.snapshot(4) });
    assert.match(await nack(2), /older than the one in force/);
    federation.send({ snapshot: here.snapshot(7, 'west') });
    assert.match(await nack(3), /for west\.mesh\.example/);
    federation.send({ delta: { ...delta, baseVersion: 3 } });
    assert.match(await nack(4), /base_version/);
    federation.send({ snapshot: { ...here.snapshot(8), local: { ...local, trustDomain: 'NOT A DOMAIN' } } });
    assert.match(await nack(5), /trust/i);
    refuseVersion = 9;
    federation.send({ snapshot: here.snapshot(9) });
    assert.match(await nack(6), /a worker cannot compile it/);
    // The base of the next delta is what is in force, and that is still the first one.
    federation.send({ delta });
    assert.equal((await federation.heard('ack', 2)).snapshotVersion, 6n);
    assert.deepEqual(
      applied.map(({ version }) => version),
      [5, 6],
    );
  });

  it('reports what it finds, complete, also to a service that it comes back to', async (t) => {
    const here = await world(t);
    const options = { ...here, cluster: 'east', secret: 'correct horse', port: await freePort() };
    const before = await FakeFederation.start(t, options);
    const { control } = await follow(t, here, before.port);
    await before.heard('hello');
    control.report({ trunks: [{ cluster: 'west', up: true, sinceMs: 5, rttSeconds: 0 }], endpoints: [] });
    control.report({
      trunks: [{ cluster: 'west', up: false, sinceMs: 7, rttSeconds: 0 }],
      endpoints: [{ service: 'shop/cart', address: '10.0.0.1:80', state: 'ejected' }],
    });
    const report = await before.heard('health');
    assert.equal(before.said.filter((one) => one.case === 'health').length, 1);
    assert.deepEqual(
      report.trunks.map(({ cluster, up, sinceMs }) => [cluster, up, sinceMs]),
      [['west', false, 7n]],
    );
    assert.equal(report.endpoints[0]?.address, '10.0.0.1:80');
    before.send({ snapshot: here.snapshot(3) });
    await before.heard('ack');
    before.close();
    await until(control.state, (state) => state.kind === 'away');
    const after = await FakeFederation.start(t, options);
    assert.deepEqual((await after.heard('health')).trunks.length, 1);
    assert.equal((await after.heard('hello')).snapshotVersion, 3n);
  });

  it('starts from its disk while the service is away, SVID included', async (t) => {
    const here = await world(t);
    const federation = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse' });
    const first = await storedBefore(t, here, federation, 3);
    federation.close();
    const second = await follow(t, here, federation.port);
    assert.deepEqual(
      second.applied.map(({ version }) => version),
      [3],
    );
    assert.equal(second.control.svid.value?.serial, first.svid.value?.serial);
    await until(second.control.state, (state) => state.kind === 'away');
    await assert.rejects(second.control.enrol(Buffer.from('x'), '10.0.0.9:1'), /federation service/);
  });

  it('goes on without what is on its disk when that cannot be put in force', async (t) => {
    const here = await world(t);
    const federation = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse' });
    await storedBefore(t, here, federation, 3);
    const second = await follow(t, here, federation.port, async ({ snapshot }) => {
      if (snapshot.version === 3) throw new Error('it cannot be compiled');
    });
    assert.match(second.errors.join(), /it cannot be compiled.*snapshot on disk cannot be used/);
    const hello = await federation.heard('hello', 2);
    assert.deepEqual([hello.epoch, hello.snapshotVersion], [0n, 0n]);
    federation.send({ snapshot: here.snapshot(4) });
    assert.equal((await federation.heard('ack', 2)).snapshotVersion, 4n);
  });

  it('gives up when its secret is refused and it has no SVID', async (t) => {
    const here = await world(t);
    writeFileSync(join(here.folder, 'secret'), 'wrong\n');
    const federation = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse' });
    const { control, fatal } = await follow(t, here, federation.port);
    while (fatal.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.match(fatal[0]?.message ?? '', /refuses this gateway: the proof is not the secret/);
    assert.match(fatal[0]?.hint ?? '', /secret file/);
    assert.equal(control.svid.value, undefined);
    assert.equal(existsSync(join(here.folder, 'state/svid/svid.pem')), false);
  });

  it('asks again when a token is refused, for it may be good a moment later', async (t) => {
    const here = await world(t);
    writeFileSync(join(here.folder, 'secret'), 'of yesterday\n');
    const federation = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse' });
    const { control, fatal, errors } = await follow(t, here, federation.port, undefined, 'token');
    while (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.match(errors[0] ?? '', /refuses this gateway.*is asked again.*gatewayServiceAccount/);
    assert.equal(control.svid.value, undefined);
    writeFileSync(join(here.folder, 'secret'), 'correct horse\n');
    await until(control.svid, (svid) => svid !== undefined);
    assert.deepEqual(fatal, []);
  });

  it('trusts no server but the federation service of its own cluster', async (t) => {
    const here = await world(t);
    const id = gatewayId('east.mesh.example');
    const impostor = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse', id });
    const { control, fatal } = await follow(t, here, impostor.port);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(control.svid.value, undefined);
    assert.deepEqual(fatal, []);
    assert.equal(impostor.said.length, 0);
  });

  it('relays an enrolment as it came', async (t) => {
    const here = await world(t);
    const federation = await FakeFederation.start(t, { ...here, cluster: 'east', secret: 'correct horse' });
    const { control } = await follow(t, here, federation.port);
    await federation.heard('hello');
    const answer = await control.enrol(Buffer.from('let me in'), '10.0.0.9:1');
    assert.equal(Buffer.from(answer).toString(), 'welcome');
    assert.equal(Buffer.from(federation.enrolments[0]?.request ?? []).toString(), 'let me in');
    assert.equal(federation.enrolments[0]?.remoteAddress, '10.0.0.9:1');
  });

  it('names the file that cannot be read before anything else', async (t) => {
    const here = await world(t);
    writeFileSync(join(here.folder, 'bundle.json'), '{}');
    await assert.rejects(follow(t, here, 1), /bundle\.json: bundle: keys/);
  });
});
