import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readYamlDocuments } from '../../federation/config/yaml-document.ts';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { createdAtMs } from './metadata.ts';
import { readResource, resourceId } from './resource.ts';

const KINDS_HINT =
  'kinds that are read: Service, EndpointSlice, Pod, ServiceExport, FailoverPolicy, TrafficPolicy, AccessPolicy, ClusterPeer, HTTPRoute, GRPCRoute, ReferenceGrant';
const NAME = 'is not a name of at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit';

function service(metadata: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: ${metadata}\nspec: { ports: [{ port: 80 }] }\n`;
}

describe('a resource', () => {
  const refused: readonly (readonly [string, string, string])[] = [
    ['a list', '- a\n', '1: the document: must be a map, not a list'],
    ['a scalar', 'hello\n', '1: the document: must be a map, not a string'],
    ['no apiVersion', 'kind: Service\n', '1: apiVersion: is missing (string)'],
    ['a kind that is no text', 'apiVersion: v1\nkind: 3\n', '2: kind: must be a string, not a number'],
    ['a foreign kind', 'apiVersion: v1\nkind: ConfigMap\n', `2: kind ConfigMap is unknown [${KINDS_HINT}]`],
    [
      'a mistyped kind',
      'apiVersion: v1\nkind: servise\n',
      '2: kind servise is unknown [did you mean Service?]',
    ],
    [
      "a name of every object's",
      'apiVersion: v1\nkind: toString\n',
      `2: kind toString is unknown [${KINDS_HINT}]`,
    ],
    ['another version', 'apiVersion: v2\nkind: Service\n', '1: apiVersion v2: Service is read as v1'],
    [
      'no metadata',
      'apiVersion: v1\nkind: Service\nspec: { ports: [{ port: 80 }] }\n',
      '1: metadata: is missing (object)',
    ],
    ['empty metadata', service(''), '3: metadata: must be a map, not empty'],
    ['no name', service('{ namespace: shop }'), '3: metadata.name: is missing (string)'],
    ['a name with capitals', service('{ name: Cart }'), `3: metadata.name: ${NAME}`],
    ['a namespace with a dot', service('{ name: cart, namespace: a.b }'), `3: metadata.namespace: ${NAME}`],
    [
      'a label that is no text',
      service('{ name: a, labels: { b: 1 } }'),
      '3: metadata.labels.b: must be a string, not a number',
    ],
    [
      'a time in words',
      service('{ name: a, creationTimestamp: today }'),
      '3: metadata.creationTimestamp: is not an RFC 3339 time',
    ],
    [
      'a version of MCS that is not read',
      'apiVersion: multicluster.x-k8s.io/v1\nkind: ServiceExport\nmetadata: { name: a }\n',
      '1: apiVersion multicluster.x-k8s.io/v1: ServiceExport is read as multicluster.x-k8s.io/v1beta1 or multicluster.x-k8s.io/v1alpha1',
    ],
    [
      'an export of what cannot be a service',
      'apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceExport\nmetadata: { name: a.b }\n',
      `3: metadata.name: ${NAME}`,
    ],
  ];
  for (const [what, text, problem] of refused) {
    it(`is refused: ${what}`, () => assert.deepEqual(resourceProblems(text), [problem]));
  }

  it('may say more than is read, as objects copied from a cluster do', () => {
    const text = service('{ name: cart, uid: 1, managedFields: [{}], creationTimestamp: null }');
    const { metadata } = goodResource('Service', `${text}status: { loadBalancer: {} }\n`);
    assert.deepEqual(metadata, { name: 'cart', namespace: 'default', labels: {}, creationTimestamp: null });
    assert.equal(createdAtMs(metadata), undefined);
  });

  it('counts its age from its creation, with an offset or without', () => {
    const created = (time: string): number | undefined =>
      createdAtMs(goodResource('Service', service(`{ name: a, creationTimestamp: ${time} }`)).metadata);
    assert.equal(created('2026-01-01T00:00:00Z'), Date.UTC(2026, 0, 1));
    assert.equal(created('"2026-01-01T01:00:00+01:00"'), Date.UTC(2026, 0, 1));
  });

  it('is known by kind, namespace and name, also when it cannot be read', () => {
    assert.equal(resourceId(goodResource('Service', service('{ name: cart }'))), 'Service/default/cart');
    const [document] = readYamlDocuments(service('{ name: cart, namespace: shop, labels: 3 }'));
    assert.ok(document !== undefined);
    const read = readResource(document);
    assert.ok(read.kind === 'invalid');
    const ids = ['Service/shop/cart', 'ServiceExport/shop/cart', 'Service/default/cart', 'Service/shop/till'];
    assert.deepEqual(ids.filter(read.mayBe), ['Service/shop/cart']);
  });

  it('of an unknown kind may be any of its name, and without a name any at all', () => {
    const ids = ['Service/shop/cart', 'ServiceExport/shop/cart', 'Service/shop/till'];
    const like = (text: string): string[] => {
      const [document] = readYamlDocuments(text);
      assert.ok(document !== undefined);
      const read = readResource(document);
      assert.ok(read.kind === 'invalid');
      return ids.filter(read.mayBe);
    };
    const mistyped = service('{ name: cart, namespace: shop }').replace('kind: Service', 'kind: Servise');
    assert.deepEqual(like(mistyped), ['Service/shop/cart', 'ServiceExport/shop/cart']);
    assert.deepEqual(like('kind: [\n'), ids);
    assert.deepEqual(like('apiVersion: v1\nkind: Service\n'), ids);
  });
});
