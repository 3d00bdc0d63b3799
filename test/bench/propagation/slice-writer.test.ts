import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resourceType } from '../../../clusters/kubernetes/resource-type.ts';
import { KubeApiServer, missingKubeApiServer } from '../../fixtures/kube-api-server.ts';
import { NAMESPACE, plannedService, SLICES, sliceObject } from './service-objects.ts';
import { SliceWriter } from './slice-writer.ts';

const NAMESPACES = resourceType('', 'v1', 'namespaces', false);
const CHANGED_AT_MS = Date.parse('2026-01-02T03:04:05.678Z');

describe('SliceWriter', { skip: missingKubeApiServer() }, () => {
  const suite = KubeApiServer.forSuite();

  it('writes in protobuf what the bench plans', async (t) => {
    const client = suite.server.client(t);
    const metadata = { name: NAMESPACE };
    await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata });
    const before = plannedService(3, 5);
    await client.create(SLICES, sliceObject(before));
    const [first, ...others] = before.endpoints;
    assert.ok(first !== undefined);
    const after = { ...before, endpoints: [{ ...first, ready: false }, ...others] };
    const writer = new SliceWriter(suite.server);
    t.after(() => writer.close());
    await writer.replace(after, CHANGED_AT_MS);
    const found = (await client.get(SLICES, { namespace: NAMESPACE, name: before.name })) as ReturnType<
      typeof sliceObject
    >;
    const { addressType, ports, endpoints, metadata: given } = sliceObject(after, CHANGED_AT_MS);
    assert.deepEqual(
      { addressType: found.addressType, ports: found.ports, endpoints: found.endpoints },
      { addressType, ports, endpoints },
    );
    assert.equal(found.metadata.managedFields, undefined);
    assert.deepEqual(
      { labels: found.metadata.labels, annotations: found.metadata.annotations },
      { labels: given.labels, annotations: given.annotations },
    );
    await assert.rejects(writer.replace({ ...after, name: 'No-Name' }, CHANGED_AT_MS), /No-Name: 4/);
  });
});
