import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeError } from '../kube-error.ts';
import type { KubeObject } from '../resource-type.ts';
import { KnownFields } from './known-fields.ts';

function imported(name: string): KubeObject {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceImport',
    metadata: { namespace: 'shop', name },
    spec: { type: 'ClusterSetIP', trafficDistribution: 'PreferClose' },
  };
}

function undeclared(path: string): KubeError {
  const message = `failed to create typed patch object: .${path}: field not declared in schema`;
  return new KubeError({ status: 500, reason: 'InternalError', message });
}

describe('the fields that a kind has', () => {
  it('are learned by two applies at once', async () => {
    const known = new KnownFields();
    const sent: KubeObject[] = [];
    const both = Promise.withResolvers<void>();
    const apply = async (object: KubeObject): Promise<KubeObject> => {
      if (sent.push(object) === 2) both.resolve();
      await both.promise;
      if ('trafficDistribution' in (object.spec as object)) throw undeclared('spec.trafficDistribution');
      return object;
    };
    const applied = await Promise.all(['cart', 'payments'].map((name) => known.apply(imported(name), apply)));
    for (const { spec } of applied) assert.deepEqual(spec, { type: 'ClusterSetIP' });
    assert.equal(sent.length, 4);
  });

  it('are not asked for again where an object is refused without them', async () => {
    const known = new KnownFields();
    let asked = 0;
    const apply = async (): Promise<never> => {
      asked++;
      throw undeclared('spec.trafficDistribution');
    };
    await assert.rejects(known.apply(imported('cart'), apply), /not declared/);
    assert.equal(asked, 2);
  });
});
