import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isAppProtocol } from '../../../federation/model/object-label.ts';
import { clustersetService, snapshotPort } from '../../../test/fixtures/clusterset-view.ts';
import { missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { McsCluster } from '../../../test/fixtures/mcs-cluster.ts';
import { derivedName, ENDPOINT_SLICES, SERVICE_IMPORTS, SERVICES, sliceName } from './mcs-objects.ts';

const [IMPORTS] = SERVICE_IMPORTS;

interface ImportObject {
  spec: { ports: unknown[]; ips?: string[] };
  status?: {
    clusters: { cluster: string }[];
    endpointSliceObjects: string;
    conditions: { type: string; status: string; reason: string; message: string }[];
  };
}

interface SliceObject {
  ports: { name: string; port: number }[];
}

describe('objects that are not as they should be, on a real API server', {
  skip: missingKubeApiServer(),
}, () => {
  let east: McsCluster;
  const ends: (() => void | Promise<void>)[] = [];

  before(async () => {
    east = await McsCluster.start({ after: (end) => ends.push(end) }, 'east');
    await east.namespace('shop');
    await east.run();
  });
  after(async () => {
    for (const end of ends) await end();
  });

  const imported = (name: string): Promise<ImportObject | undefined> =>
    east.get<ImportObject>(IMPORTS, 'shop', name);

  it("what may be a port's appProtocol is what the API server takes of Services and slices", async () => {
    const names = [
      'http',
      'kubernetes.io/h2c',
      'My_own.1',
      'my/own/proto:1',
      'a b',
      'Example.com/x',
      '-x',
      'a..b/c',
    ];
    const taken = [`${'a'.repeat(251)}/x`, 'x'.repeat(63)];
    for (const [at, appProtocol] of [...names, ...taken, 'x'.repeat(64), 'ü'].entries()) {
      const ports = [{ port: 80, appProtocol }];
      const metadata = { namespace: 'shop', name: `proto-${at}` };
      const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports } };
      const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata };
      const tried = await Promise.allSettled([
        east.admin.create(SERVICES, service),
        east.admin.create(ENDPOINT_SLICES, { ...slice, addressType: 'IPv4', endpoints: [], ports }),
      ]);
      const status = isAppProtocol(appProtocol) ? 'fulfilled' : 'rejected';
      assert.deepEqual(
        tried.map((one) => one.status),
        [status, status],
        appProtocol,
      );
    }
  });

  it('what has an address keeps it while no port of it is known, as to a leader that reads too late', async () => {
    const [key, name] = ['shop/early', { namespace: 'shop', name: 'early' }];
    const reason = async (): Promise<string | undefined> =>
      (await imported('early'))?.status?.conditions[0]?.reason;
    const service = async () =>
      (await east.get<{ metadata: { uid: string } }>(SERVICES, 'shop', derivedName(name)))?.metadata.uid;
    east.view.set(key, clustersetService(key, [snapshotPort('http', 80, 15_620)], { west: undefined }));
    await east.until('it is ready', async () => (await reason()) === 'Ready');
    const [uid, before] = [await service(), await imported('early')];
    east.view.set(key, clustersetService(key, [snapshotPort('http', 80, undefined)], { west: undefined }));
    await east.until('it says so', async () => (await reason()) === 'Pending');
    await east.quiet();
    const kept = await imported('early');
    assert.deepEqual([await service(), kept?.spec.ips], [uid, before?.spec.ips]);
    assert.equal(kept?.status?.endpointSliceObjects, 'Present');
    east.view.set(key, clustersetService(key, [snapshotPort('http', 80, 15_620)], { west: undefined }));
    await east.until('it is ready again', async () => (await reason()) === 'Ready');
    assert.equal(await service(), uid);
    east.view.withdraw(key);
    await east.until('it is gone', async () => (await service()) === undefined);
  });

  it('what the API server does not take of a derived Service is told, and stops neither import nor slices', async () => {
    const [key, name] = ['shop/refused', { namespace: 'shop', name: 'refused' }];
    const [unnamed, named] = [snapshotPort('', 80, 15_610), snapshotPort('web', 8080, 15_611)];
    const reason = async (): Promise<string | undefined> =>
      (await imported('refused'))?.status?.conditions[0]?.reason;
    const sliceOf = (): Promise<SliceObject | undefined> =>
      east.get<SliceObject>(ENDPOINT_SLICES, 'shop', sliceName(name, 'west', 'IPv4'));
    east.view.set(key, clustersetService(key, [unnamed, named], { west: undefined }));
    await east.until('the status', async () => (await reason()) === 'Failed');
    const found = await imported('refused');
    assert.deepEqual(found?.status?.clusters, [{ cluster: 'west' }]);
    assert.match(
      found.status.conditions[0]?.message ?? '',
      /422 Invalid: .*spec\.ports\[0\]\.name: Required value/,
    );
    assert.equal((await sliceOf())?.ports.length, 2);
    await east.until('it is told', () => /^shop\/refused: POST .* 422 /.test(east.problems[0] ?? ''));
    await east.quiet();
    const written = east.writes.length;
    east.view.tell(key);
    await east.quiet();
    assert.deepEqual(east.writes.slice(written), ['create services'], 'the rest is as it should be');
    east.view.set(key, clustersetService(key, [unnamed], { west: undefined }));
    await east.until('it is mended', async () => (await reason()) === 'Ready');
    const { ips } = (await imported('refused'))?.spec ?? {};
    // A Service that is there keeps its address and what it was, and the import still follows.
    east.view.set(key, clustersetService(key, [unnamed, named], { west: undefined }));
    await east.until('it is refused again', async () => (await reason()) === 'Failed');
    const kept = await imported('refused');
    assert.deepEqual([kept?.spec.ips, kept?.spec.ports.length], [ips, 2]);
    assert.equal(kept?.status?.endpointSliceObjects, 'Present');
    east.view.withdraw(key);
    await east.until('nothing is wrong', () => east.problems.length === 0);
    await east.until('it is gone', async () => (await imported('refused')) === undefined);
  });
});
