import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { McsCluster } from '../../../test/fixtures/mcs-cluster.ts';
import { SERVICE_EXPORTS, SERVICES } from './mcs-objects.ts';

const [EXPORTS] = SERVICE_EXPORTS;

interface ExportObject {
  status?: {
    conditions: {
      type: string;
      status: string;
      reason: string;
      message: string;
      lastTransitionTime: string;
    }[];
  };
}

describe('ServiceExports on a real API server', { skip: missingKubeApiServer() }, () => {
  let west: McsCluster;
  const ends: (() => void | Promise<void>)[] = [];

  before(async () => {
    west = await McsCluster.start({ after: (end) => ends.push(end) }, 'west');
    await west.namespace('shop');
    await west.run();
  });
  after(async () => {
    for (const end of ends) await end();
  });

  it("an export's conditions say what becomes of it", async () => {
    const metadata = { namespace: 'shop', name: 'cart' };
    const conditions = async (): Promise<Record<string, string>> => {
      const found = await west.get<ExportObject>(EXPORTS, 'shop', 'cart');
      return Object.fromEntries(
        (found?.status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
      );
    };
    const says = async (type: string, what: string): Promise<boolean> => (await conditions())[type] === what;
    await west.admin.create(EXPORTS, {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceExport',
      metadata,
    });
    await west.until('it is told', async () => (await conditions()).Valid !== undefined);
    assert.deepEqual(await conditions(), {
      Valid: 'False NoService',
      Ready: 'False Failed',
      Conflict: 'False NoConflicts',
    });
    const service = { apiVersion: 'v1', kind: 'Service', metadata };
    await west.admin.create(SERVICES, {
      ...service,
      spec: { type: 'ExternalName', externalName: 'a.example' },
    });
    await west.until('the type', () => says('Valid', 'False InvalidServiceType'));
    await west.admin.delete(SERVICES, metadata);
    await west.admin.create(SERVICES, { ...service, spec: { ports: [{ port: 80 }] } });
    await west.until('it is valid', () => says('Valid', 'True Valid'));
    await west.until('it is on its way', () => says('Ready', 'False Pending'));
    west.view.published.add('shop/cart');
    west.view.tell('shop/cart');
    await west.until('it is exported', () => says('Ready', 'True Exported'));
    const dispute = { cluster: 'west', winner: 'east', message: 'port is 80, in the older export 81' };
    west.view.disputes.set('shop/cart', [
      { ...dispute, reason: 'TypeConflict' },
      { ...dispute, reason: 'PortConflict' },
    ]);
    west.view.tell('shop/cart');
    await west.until('the conflict', () => says('Conflict', 'True PortConflict,TypeConflict'));
    const broken = {
      ...(await west.get<object>(EXPORTS, 'shop', 'cart')),
      spec: { exportedLabels: { a: 'b c' } },
    };
    await west.admin.update(EXPORTS, broken as never);
    await west.until('it is told', () => says('Valid', 'False InvalidExport'));
    await west.admin.update(EXPORTS, {
      ...(await west.get<object>(EXPORTS, 'shop', 'cart')),
      spec: { exportedLabels: { a: 'b' } },
    } as never);
    await west.until('it is valid again', () => says('Valid', 'True Valid'));
    west.view.published.clear();
    await west.run();
    await west.quiet();
    assert.ok(await says('Ready', 'True Exported'), 'a new process takes nothing back');
  });
});
