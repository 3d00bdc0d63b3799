import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SYSTEM_CLOCK } from '../../../federation/runtime/clock.ts';
import { clustersetService, snapshotPort } from '../../../test/fixtures/clusterset-view.ts';
import { missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { McsCluster } from '../../../test/fixtures/mcs-cluster.ts';
import { DerivedPorts } from './derived-ports.ts';
import { derivedName, ENDPOINT_SLICES, SERVICE_IMPORTS, SERVICES, sliceName } from './mcs-objects.ts';

const [IMPORTS] = SERVICE_IMPORTS;

interface ImportObject {
  metadata: {
    uid: string;
    resourceVersion: string;
    labels: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: {
    type: string;
    ports: unknown[];
    ips?: string[];
    sessionAffinity?: string;
    sessionAffinityConfig?: unknown;
    internalTrafficPolicy?: string;
    ipFamilies?: string[];
    trafficDistribution?: string;
  };
  status?: {
    clusters: { cluster: string }[];
    endpointSliceObjects: string;
    conditions: { type: string; status: string; reason: string; message: string }[];
  };
}

interface ServiceObject {
  metadata: { resourceVersion: string };
  spec: {
    clusterIP: string;
    selector?: Record<string, string>;
    ports: { name?: string; port: number; targetPort: number; appProtocol?: string }[];
  };
}

interface SliceObject {
  metadata: {
    labels: Record<string, string>;
    ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
  };
  endpoints: { addresses: string[]; zone: string; conditions: { ready: boolean } }[];
  ports: { name: string; port: number }[];
}

const payments = { namespace: 'shop', name: 'payments' };
const KEY = 'shop/payments';
const both = { east: undefined, west: ['http'] };
const ports = [snapshotPort('http', 80, 15_600, 'http'), snapshotPort('admin', 9000, 15_601)];

describe('the MCS API of two clusters, on real API servers', { skip: missingKubeApiServer() }, () => {
  let east: McsCluster;
  let west: McsCluster;
  const ends: (() => void | Promise<void>)[] = [];
  const owner = { after: (end: () => void | Promise<void>) => ends.push(end) };

  before(async () => {
    [east, west] = await Promise.all([McsCluster.start(owner, 'east'), McsCluster.start(owner, 'west')]);
    await east.namespace('shop');
    await Promise.all([east.run(), west.run()]);
  });
  after(async () => {
    for (const end of ends) await end();
  });

  const imported = (cluster: McsCluster, name = 'payments'): Promise<ImportObject | undefined> =>
    cluster.get<ImportObject>(IMPORTS, 'shop', name);
  const derived = (cluster: McsCluster): Promise<ServiceObject | undefined> =>
    cluster.get<ServiceObject>(SERVICES, 'shop', derivedName(payments));
  const slice = (cluster: McsCluster, of: string): Promise<SliceObject | undefined> =>
    cluster.get<SliceObject>(ENDPOINT_SLICES, 'shop', sliceName(payments, of, 'IPv4'));
  const ready = async (cluster: McsCluster, status = 'True'): Promise<boolean> =>
    (await imported(cluster))?.status?.conditions[0]?.status === status;

  it('an import has an address of its own, that leads to the gateways', async () => {
    east.view.set(KEY, clustersetService(KEY, ports, both));
    await east.until('the import is ready', () => ready(east));
    const [found, service] = [await imported(east), await derived(east)];
    assert.equal(found?.spec.type, 'ClusterSetIP');
    assert.deepEqual(found.spec.ports, [
      { name: 'http', port: 80, protocol: 'TCP', appProtocol: 'http' },
      { name: 'admin', port: 9000, protocol: 'TCP' },
    ]);
    assert.deepEqual(found.spec.ips, [service?.spec.clusterIP]);
    assert.equal(found.spec.internalTrafficPolicy, 'Cluster');
    assert.deepEqual(found.spec.ipFamilies, ['IPv4']);
    assert.deepEqual(found.status?.clusters, [{ cluster: 'east' }, { cluster: 'west' }]);
    assert.equal(found.status?.endpointSliceObjects, 'Present');
    assert.equal(service?.spec.selector, undefined);
    assert.deepEqual(
      service?.spec.ports.map(({ port, targetPort }) => [port, targetPort]),
      [
        [80, 15_600],
        [9000, 15_601],
      ],
    );
    const [of, ofWest] = [await slice(east, 'east'), await slice(east, 'west')];
    assert.equal(of?.metadata.labels['multicluster.kubernetes.io/service-name'], 'payments');
    assert.equal(of.metadata.labels['multicluster.kubernetes.io/source-cluster'], 'east');
    assert.equal(of.metadata.labels['kubernetes.io/service-name'], derivedName(payments));
    assert.deepEqual(of.metadata.ownerReferences, [
      {
        apiVersion: 'multicluster.x-k8s.io/v1beta1',
        kind: 'ServiceImport',
        name: 'payments',
        uid: found.metadata.uid,
      },
    ]);
    assert.deepEqual(
      of.endpoints.map(({ addresses, zone, conditions }) => [addresses[0], zone, conditions.ready]),
      [
        ['10.1.0.1', 'eu-a', true],
        ['10.1.0.2', 'eu-a', true],
      ],
    );
    assert.deepEqual(
      ofWest?.ports.map(({ name, port }) => [name, port]),
      [['http', 15_600]],
    );
    const served = await east.get<ImportObject>(SERVICE_IMPORTS[1], 'shop', 'payments');
    assert.deepEqual(served?.spec, found.spec, 'as v1alpha1, which CoreDNS reads');
  });

  it('nothing is written while nothing changes, nor by a new process', async () => {
    await east.quiet();
    const written = east.writes.length;
    assert.deepEqual(east.writes.slice(0, written).sort(), [
      'applyStatus serviceimports',
      'create endpointslices',
      'create endpointslices',
      'create serviceimports',
      'create services',
    ]);
    east.view.tell(KEY);
    await east.run();
    east.view.tell(KEY);
    await east.quiet();
    assert.equal(east.writes.length, written);
  });

  it('it appears only where its namespace is, and as soon as that comes', async () => {
    west.view.set(KEY, clustersetService(KEY, ports, both));
    await west.quiet();
    assert.deepEqual(west.writes, []);
    await west.namespace('shop');
    await west.until('the import', () => ready(west));
  });

  it('it follows its ports, its exporters and the gateways', async () => {
    const next = [snapshotPort('http', 8080, 15_600, 'http')];
    east.view.set(KEY, clustersetService(KEY, next, { east: undefined }));
    await east.until('one port', async () => (await imported(east))?.spec.ports.length === 1);
    await east.until('no slice of west', async () => (await slice(east, 'west')) === undefined);
    assert.deepEqual(
      (await derived(east))?.spec.ports.map(({ port, targetPort }) => [port, targetPort]),
      [[8080, 15_600]],
    );
    assert.deepEqual((await imported(east))?.status?.clusters, [{ cluster: 'east' }]);
    await east.gateways(['10.1.0.3']);
    await east.until('the new gateway', async () => {
      const found = await slice(east, 'east');
      return found?.endpoints.length === 1 && found.endpoints[0]?.addresses[0] === '10.1.0.3';
    });
    await east.gateways([]);
    await east.until('no gateway is ready', () => ready(east, 'False'));
    await east.gateways(['10.1.0.1', '10.1.0.2']);
    await east.until('one is again', () => ready(east));
  });

  it('what is changed by hand is changed back', async () => {
    const service = await derived(east);
    assert.ok(service !== undefined);
    const spec = { ...service.spec, selector: { app: 'other' }, externalIPs: ['203.0.113.9'] };
    await east.admin.update(SERVICES, { ...service, spec } as never);
    await east.until('the selector is gone', async () => {
      const found = await derived(east);
      return found !== undefined && found.spec.selector === undefined && !('externalIPs' in found.spec);
    });
    assert.equal((await derived(east))?.spec.clusterIP, service.spec.clusterIP);
    await east.admin.delete(IMPORTS, payments);
    await east.until('the import is back', () => ready(east));
    await east.until('the slice is of the new import', async () => {
      const owners = (await slice(east, 'east'))?.metadata.ownerReferences ?? [];
      return owners.length === 1 && owners[0]?.uid === (await imported(east))?.metadata.uid;
    });
    await east.admin.delete(ENDPOINT_SLICES, {
      namespace: 'shop',
      name: sliceName(payments, 'east', 'IPv4'),
    });
    await east.until('the slice is back', async () => (await slice(east, 'east')) !== undefined);
  });

  it("what the oldest export says of the service as a whole is the import's, and goes with it", async () => {
    const known = east.view.serviceOf(KEY) ?? clustersetService(KEY, ports, both);
    const labels = { team: 'shop', 'app.kubernetes.io/managed-by': 'somebody' };
    const annotations = { 'example.com/note': 'a b', 'isthmus.io/exported': 'forged' };
    const traits = { sessionAffinity: { timeoutSeconds: 60 }, trafficDistribution: 'PreferClose' };
    east.view.set(KEY, { ...known, traits: { ...traits, labels, annotations } });
    await east.until('the label', async () => (await imported(east))?.metadata.labels.team === 'shop');
    await east.quiet();
    const found = await imported(east);
    assert.equal(found?.metadata.labels['app.kubernetes.io/managed-by'], 'isthmus');
    assert.equal(found.metadata.annotations?.['example.com/note'], 'a b');
    assert.deepEqual(
      [found.spec.sessionAffinity, found.spec.sessionAffinityConfig, found.spec.trafficDistribution],
      ['ClientIP', { clientIP: { timeoutSeconds: 60 } }, 'PreferClose'],
    );
    // A label of somebody else's stays, one of the export is put back.
    const theirs = { ...found.metadata.labels, team: 'other', theirs: 'yes' };
    await east.admin.update(IMPORTS, { ...found, metadata: { ...found.metadata, labels: theirs } } as never);
    await east.until('it is back', async () => (await imported(east))?.metadata.labels.team === 'shop');
    assert.equal((await imported(east))?.metadata.labels.theirs, 'yes');
    await east.quiet();
    const written = east.writes.length;
    east.view.tell(KEY);
    await east.quiet();
    assert.equal(east.writes.length, written, 'nothing is written while nothing changes');
    east.view.set(KEY, known);
    await east.until(
      'the label is gone',
      async () => !('team' in ((await imported(east))?.metadata.labels ?? {})),
    );
    const plain = await imported(east);
    assert.equal(plain?.metadata.annotations?.['example.com/note'], undefined);
    assert.equal(plain?.spec.sessionAffinity, undefined);
    const late = 'shop/labelled';
    east.view.set(late, { ...clustersetService(late, ports, both), traits: { labels } });
    await east.until(
      'one that is made with it',
      async () => (await imported(east, 'labelled')) !== undefined,
    );
    east.view.set(late, clustersetService(late, ports, both));
    const labelled = async (): Promise<boolean> =>
      'team' in ((await imported(east, 'labelled'))?.metadata.labels ?? {});
    await east.until('is without it', async () => !(await labelled()));
    east.view.withdraw(late);
    await east.until('it is gone', async () => (await imported(east, 'labelled')) === undefined);
  });

  it("somebody else's import or Service of its name is told of, and left as it is", async () => {
    const other = { namespace: 'shop', name: 'other' };
    const theirs = {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: { ...other },
      spec: { type: 'ClusterSetIP', ports: [{ port: 1 }], ips: ['10.9.9.9'] },
    };
    const made = (await east.admin.create(IMPORTS, theirs)) as ImportObject;
    east.view.set('shop/other', clustersetService('shop/other', ports, { west: undefined }));
    // Before their import is seen it is a name that is taken, and asked for again.
    const told = /^shop\/other: ServiceImport shop\/other is there and was not made by Isthmus/;
    await east.until('it is told of', () => told.test(east.problems[0] ?? ''));
    assert.equal(east.problems.length, 1);
    assert.equal((await imported(east, 'other'))?.metadata.resourceVersion, made.metadata.resourceVersion);
    // Our service may have been there a moment before their import was seen.
    await east.until('nothing is made for it', async () => {
      return (await east.get(SERVICES, 'shop', derivedName(other))) === undefined;
    });
    const service = { apiVersion: 'v1', kind: 'Service', spec: { ports: [{ port: 7 }] } };
    await east.admin.create(SERVICES, {
      ...service,
      metadata: { namespace: 'shop', name: derivedName(other) },
    });
    await east.admin.delete(IMPORTS, other);
    await east.until('the Service is in the way', () =>
      /Service shop\/derived-/.test(east.problems[0] ?? ''),
    );
    assert.equal(await imported(east, 'other'), undefined);
    east.view.withdraw('shop/other');
    await east.until('nothing is wrong', () => east.problems.length === 0);
    assert.ok(
      (await east.get(SERVICES, 'shop', derivedName(other))) !== undefined,
      'it is not ours to remove',
    );
  });

  it('a headless service has an import without addresses, and the reason in its status', async () => {
    const key = 'shop/nodes';
    east.view.set(key, clustersetService(key, ports, { west: undefined }, 'Headless'));
    await east.until('the status', async () => (await imported(east, 'nodes'))?.status !== undefined);
    const found = await imported(east, 'nodes');
    assert.equal(found?.spec.type, 'Headless');
    assert.equal(found.spec.ips, undefined);
    assert.equal(found.status?.endpointSliceObjects, 'Absent');
    assert.equal(found.status?.conditions[0]?.reason, 'FlatNetworkRequired');
    east.view.withdraw(key);
    await east.until('it is gone', async () => (await imported(east, 'nodes')) === undefined);
  });

  it('goes when it is taken back, and not while nobody knows whether it was', async () => {
    await east.stop();
    west.view.withdraw(KEY);
    await west.until('the import is gone', async () => (await imported(west)) === undefined);
    await west.until('all is gone', async () => {
      const left = await Promise.all([derived(west), slice(west, 'west'), slice(west, 'east')]);
      return left.every((one) => one === undefined);
    });
    // A process that starts anew, while a cluster's word is not read yet.
    const { view } = east;
    view.complete.set(false);
    const known = view.serviceOf(KEY);
    assert.ok(known !== undefined);
    view.forget(KEY);
    const written = east.writes.length;
    await east.run();
    await east.quiet();
    assert.equal(east.writes.length, written);
    assert.ok(await ready(east));
    view.heard.set(new Set(['west']));
    await east.quiet();
    assert.ok(await ready(east), 'another cluster has nothing to say of it');
    view.heard.set(new Set(['west', 'east']));
    await east.until('it is gone', async () => (await imported(east)) === undefined);
    await east.until('all is gone', async () => (await derived(east)) === undefined);
    view.complete.set(true);
    view.set(KEY, known);
    await east.until('it is back', () => ready(east));
  });

  it('a replica that does not lead writes nothing; one that takes over finds the ports where they were', async (t) => {
    const { view } = east;
    view.leading.set(false);
    const written = east.writes.length;
    view.set(KEY, clustersetService(KEY, [snapshotPort('http', 80, 15_777)], both));
    await east.quiet();
    assert.equal(east.writes.length, written);
    const book = new DerivedPorts({ client: east.admin, clock: SYSTEM_CLOCK, random: Math.random });
    t.after(() => book.close());
    assert.deepEqual(await book.now(), [{ target: 'shop/payments:http', port: 15_600 }]);
    assert.deepEqual(await book.heard(), await book.now());
    view.leading.set(true);
    await east.until(
      'it is written',
      async () => (await derived(east))?.spec.ports[0]?.targetPort === 15_777,
    );
    await east.until('it is heard', async () => (await book.heard())[0]?.port === 15_777);
  });

  it('comes through a restart of the API server', async () => {
    const key = 'shop/late';
    await east.server.kill();
    east.view.set(key, clustersetService(key, ports, { west: undefined }));
    await east.until('it is told of', () => east.problems.length > 0);
    await east.server.start();
    await east.until('the import', async () => (await imported(east, 'late'))?.status !== undefined);
    await east.until('nothing is wrong', () => east.problems.length === 0);
    assert.ok(await ready(east));
    east.view.withdraw(key);
  });

  it('a thousand services at once cost four requests each, and none afterwards', async () => {
    await west.quiet();
    const written = west.writes.length;
    const keys = Array.from({ length: 1000 }, (_, at) => `shop/many-${at}`);
    for (const [at, key] of keys.entries()) {
      west.view.set(key, clustersetService(key, [snapshotPort('', 80, 16_000 + at)], { east: undefined }));
    }
    const count = async (): Promise<number> =>
      (await west.list(IMPORTS, 'app.kubernetes.io/managed-by=isthmus'))?.length ?? 0;
    await west.until('all are there', async () => (await count()) === 1000);
    await west.quiet();
    assert.equal(west.writes.length - written, 4000);
    west.view.tell(...keys);
    await west.quiet();
    assert.equal(west.writes.length - written, 4000);
    for (const key of keys) west.view.withdraw(key);
    await west.until('all are gone', async () => (await count()) === 0);
    await west.quiet();
    assert.equal(west.writes.length - written, 7000);
  });
});
