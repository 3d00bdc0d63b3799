import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clustersetService, snapshotPort } from '../../../test/fixtures/clusterset-view.ts';
import { missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { DEFINITIONS } from '../../../test/fixtures/kube-definitions.ts';
import { McsCluster } from '../../../test/fixtures/mcs-cluster.ts';
import type { KubeObject } from '../resource-type.ts';
import { ENDPOINT_SLICES, SERVICE_EXPORTS, SERVICE_IMPORTS, SERVICES } from './mcs-objects.ts';

const [IMPORTS, OLD_IMPORTS] = SERVICE_IMPORTS;
const [EXPORTS, OLD_EXPORTS] = SERVICE_EXPORTS;
const KEY = 'shop/payments';
const PORTS = [snapshotPort('http', 80, 15_600, 'http')];

interface Found {
  spec?: { ips?: string[]; ipFamilies?: string[] };
  status?: {
    clusters?: { cluster: string }[];
    conditions?: { type: string; status: string; reason: string }[];
  };
}

/** As a release before v1beta1 had it: v1alpha1 is all that there is, and what is stored. */
function alphaAlone(definition: KubeObject): KubeObject {
  const spec = definition.spec as { versions: { name: string }[] };
  const versions = spec.versions
    .filter(({ name }) => name === 'v1alpha1')
    .map((version) => ({ ...version, storage: true }));
  return { ...definition, spec: { ...spec, versions } };
}

function said(found: Found | undefined): string {
  const conditions = found?.status?.conditions ?? [];
  return conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`).join();
}

describe('a cluster that serves the MCS API as v1alpha1 alone', {
  skip: missingKubeApiServer(),
  timeout: 240_000,
}, () => {
  it('has imports, exports and their statuses, and goes over to v1beta1 when that comes', async (t) => {
    const definitions: KubeObject[] = [];
    const east = await McsCluster.start(t, 'east', (definition) => {
      definitions.push(definition);
      return alphaAlone(definition);
    });
    await east.namespace('shop');
    const metadata = { namespace: 'shop', name: 'payments' };
    const spec = { ports: [{ name: 'http', port: 80 }] };
    await east.admin.create(SERVICES, { apiVersion: 'v1', kind: 'Service', metadata, spec });
    const apiVersion = 'multicluster.x-k8s.io/v1alpha1';
    await east.admin.create(OLD_EXPORTS, { apiVersion, kind: 'ServiceExport', metadata });
    east.view.set(KEY, clustersetService(KEY, PORTS, { east: undefined }));
    east.view.published.add(KEY);
    await east.run();
    const imported = (type = OLD_IMPORTS) => east.get<Found>(type, 'shop', 'payments');
    const exported = (type = OLD_EXPORTS) => east.get<Found>(type, 'shop', 'payments');
    const EXPORTED = 'Valid=True Valid,Ready=True Exported,Conflict=False NoConflicts';
    await east.until('the import', async () => said(await imported()) === 'Ready=True Ready');
    await east.until('the export', async () => said(await exported()) === EXPORTED);
    await east.quiet();
    assert.equal(await imported(IMPORTS), undefined, 'there is no v1beta1');
    assert.equal((await imported())?.spec?.ips?.length, 1);
    assert.deepEqual(east.problems, []);

    for (const definition of definitions) {
      const { name } = definition.metadata;
      const { metadata: now } = (await east.admin.get(DEFINITIONS, { name })) as KubeObject;
      await east.admin.update(DEFINITIONS, { ...definition, metadata: now } as never);
    }
    await east.until('v1beta1 is served', async () => said(await exported(EXPORTS)) === EXPORTED);
    await east.until('so are imports', async () => (await imported(IMPORTS)) !== undefined);
    const slices = async () =>
      (await east.list(ENDPOINT_SLICES, 'multicluster.kubernetes.io/service-name')) ?? [];
    // A process that had begun with the older version, and one that begins with the newer.
    for (const again of [false, true]) {
      if (again) await east.run();
      east.view.published.delete(KEY);
      const cluster = again ? 'east' : 'west';
      east.view.set(KEY, clustersetService(KEY, PORTS, { [cluster]: undefined }));
      // It is quiet, too, before the first of what this brings is written.
      await east.until(`it is of ${cluster} alone`, async () => {
        const { status } = (await imported(IMPORTS)) ?? {};
        return (
          status?.clusters?.map((one) => one.cluster).join() === cluster && (await slices()).length === 1
        );
      });
      await east.quiet();
      const written = east.writes.length;
      for (let look = 0; look < 2; look++) {
        east.view.tell(KEY);
        await east.quiet();
      }
      assert.deepEqual([east.writes.slice(written), east.problems], [[], []]);
      assert.equal((await slices()).length, 1);
      assert.equal(said(await imported(IMPORTS)), 'Ready=True Ready');
    }
    assert.deepEqual((await imported(IMPORTS))?.spec?.ipFamilies, ['IPv4']);
  });
});
