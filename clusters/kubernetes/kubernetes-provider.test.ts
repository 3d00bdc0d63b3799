import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { defineKind } from '../../test/fixtures/kube-definitions.ts';
import { eventually } from '../../test/fixtures/store-clusters.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import type { ProviderChange } from '../provider.ts';
import type { KubeClient } from './kube-client.ts';
import { KubernetesProvider } from './kubernetes-provider.ts';
import { type KubeObject, resourceType } from './resource-type.ts';

const NAMESPACE = 'default';
const SERVICES = resourceType('', 'v1', 'services');
const SLICES = resourceType('discovery.k8s.io', 'v1', 'endpointslices');
const NODES = resourceType('', 'v1', 'nodes', false);
const EXPORTS = resourceType('multicluster.x-k8s.io', 'v1alpha1', 'serviceexports');
const PODS = resourceType('', 'v1', 'pods');
const ACCOUNTS = resourceType('', 'v1', 'serviceaccounts');
const ACCESS = resourceType('isthmus.io', 'v1alpha1', 'accesspolicies');

function service(
  name: string,
  labels = {},
  spec: object = { ports: [{ name: 'http', port: 80 }] },
): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: NAMESPACE, labels }, spec };
}

function exportOf(name: string): KubeObject {
  const metadata = { name, namespace: NAMESPACE };
  return { apiVersion: 'multicluster.x-k8s.io/v1alpha1', kind: 'ServiceExport', metadata };
}

function slice(name: string, of: string, endpoints: readonly object[], labels = {}): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': of, ...labels } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints,
  };
}

function endpoint(address: string, nodeName: string, ready = true, zone?: string): object {
  return { addresses: [address], nodeName, conditions: { ready }, ...(zone === undefined ? {} : { zone }) };
}

function access(name: string, action: string, target = 'cart'): KubeObject {
  return {
    apiVersion: 'isthmus.io/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name, namespace: NAMESPACE },
    spec: { targetRefs: [{ kind: 'Service', name: target }], rules: [{ action, methods: ['GET'] }] },
  };
}

async function open(t: TestContext, client: KubeClient, lastGoodFile?: string): Promise<KubernetesProvider> {
  const provider = await KubernetesProvider.open({
    client,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    home: { region: 'home', zone: 'home-a' },
    lastGoodFile: lastGoodFile ?? join(tempFolder(t), 'last-good.json'),
  });
  t.after(() => provider.close());
  await provider.ready;
  return provider;
}

function places(provider: KubernetesProvider, name: string): string[] | undefined {
  return provider.services
    .get(`${NAMESPACE}/${name}`)
    ?.endpoints.map(
      ({ address, state, locality }) => `${address} ${state} ${locality.region}/${locality.zone}`,
    );
}

function problemAt(provider: KubernetesProvider, where: string): string | undefined {
  const found = provider.problems.value.find((problem) => problem.where === where);
  return found === undefined ? undefined : `${found.message}; ${found.hint}`;
}

function actions(provider: KubernetesProvider, target: string): string[] {
  return [...provider.accessPolicies.values()]
    .filter((policy) => policy.target.name === target)
    .flatMap(({ rules }) => rules.map(({ action }) => action));
}

describe('KubernetesProvider', { skip: missingKubeApiServer() }, () => {
  const suite = KubeApiServer.forSuite();

  it('is ready without our kinds, and says what goes without them', async (t) => {
    const provider = await open(t, suite.server.client(t));
    assert.match(problemAt(provider, 'AccessPolicy/*') ?? '', /no kind AccessPolicy .*everybody may call/);
    assert.match(problemAt(provider, 'ServiceExport/*') ?? '', /no service is exported/);
    assert.equal(problemAt(provider, 'HTTPRoute/*'), undefined);
    // The API server makes it some time after it has begun to serve.
    await eventually('its own Service', () => provider.services.has('default/kubernetes'));
  });

  it('knows callers by the addresses of their pods, while these have them', async (t) => {
    const client = suite.server.client(t);
    const meta = { name: 'till', namespace: NAMESPACE };
    await client.create(ACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta });
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: meta };
    const containers = [{ name: 'till', image: 'till:1' }];
    await client.create(PODS, { ...pod, spec: { serviceAccountName: 'till', containers } });
    const provider = await open(t, client);
    const changes: ProviderChange[] = [];
    provider.watch((change) => changes.push(change));
    assert.equal(provider.callers.size, 0);
    const status = { phase: 'Running', podIP: '10.1.2.3', podIPs: [{ ip: '10.1.2.3' }, { ip: 'fd00::3' }] };
    await client.applyStatus(PODS, { ...pod, status });
    await eventually('the pod is known', () => provider.callers.size === 2);
    const till = { namespace: NAMESPACE, serviceAccount: 'till' };
    assert.deepEqual(provider.callers.get('10.1.2.3'), till);
    assert.deepEqual(provider.callers.get('fd00::3'), till);
    const shared = { ...pod, metadata: { ...meta, name: 'on-the-node' } };
    await client.create(PODS, { ...shared, spec: { hostNetwork: true, containers } });
    await client.applyStatus(PODS, { ...shared, status: { phase: 'Running', podIP: '10.9.9.9' } });
    await client.applyStatus(PODS, { ...pod, status: { ...status, phase: 'Succeeded' } });
    await eventually('the pod is forgotten', () => provider.callers.size === 0);
    assert.deepEqual(
      changes.map((change) => (change.kind === 'callers' ? change.addresses : change)),
      [
        ['10.1.2.3', 'fd00::3'],
        ['10.1.2.3', 'fd00::3'],
      ],
    );
  });

  it('offers what is exported, with endpoints where their nodes are, and follows every change', async (t) => {
    const client = suite.server.client(t);
    await defineKind(client, 'ServiceExport', EXPORTS);
    const labels = { 'topology.kubernetes.io/region': 'eu', 'topology.kubernetes.io/zone': 'eu-b' };
    await client.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels } });
    await client.create(SERVICES, service('cart'));
    await client.create(EXPORTS, exportOf('cart'));
    await client.create(
      SLICES,
      slice('cart-1', 'cart', [
        endpoint('10.0.0.1', 'n1'),
        endpoint('10.0.0.2', 'n1', false, 'eu-c'),
        endpoint('10.0.0.3', 'n2'),
      ]),
    );
    const provider = await open(t, client);
    const changes: ProviderChange[] = [];
    provider.watch((change) => changes.push(change));
    assert.deepEqual(places(provider, 'cart'), [
      '10.0.0.1 ready eu/eu-b',
      '10.0.0.2 unready eu/eu-c',
      '10.0.0.3 ready home/home-a',
    ]);
    const cart = provider.services.get('default/cart');
    assert.ok((cart?.exportedAtMs ?? 0) > Date.parse('2020-01-01'));
    assert.deepEqual(cart?.ports, [{ name: 'http', port: 80, protocol: 'http', appProtocol: undefined }]);
    await client.apply(SLICES, slice('cart-2', 'cart', [endpoint('10.0.0.4', 'n1')]));
    await eventually('a new slice', () => places(provider, 'cart')?.length === 4);
    assert.deepEqual(changes, [{ kind: 'service', key: 'default/cart' }]);
    await client.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n2', labels } });
    await eventually('the node', () => places(provider, 'cart')?.[2] === '10.0.0.3 ready eu/eu-b');
    await client.delete(EXPORTS, { name: 'cart', namespace: NAMESPACE });
    await eventually('the end of the export', () => {
      return provider.services.get('default/cart')?.exportedAtMs === undefined;
    });
  });

  it('takes nothing for an own service that we derived ourselves, nor what no gateway can carry', async (t) => {
    const client = suite.server.client(t);
    const ours = { 'app.kubernetes.io/managed-by': 'isthmus' };
    await client.create(SERVICES, service('derived', ours));
    await client.create(SLICES, slice('derived-1', 'cart', [endpoint('10.9.0.1', 'n1')], ours));
    await client.create(
      SERVICES,
      service('elsewhere', {}, { type: 'ExternalName', externalName: 'a.example' }),
    );
    const fqdn = { ...slice('names', 'cart', [{ addresses: ['a.example'] }]), addressType: 'FQDN' };
    await client.create(SLICES, fqdn);
    const provider = await open(t, client);
    const theirs = (provider.problems.value ?? []).filter(({ where }) => /Service\/|Slice\//.test(where));
    assert.deepEqual(theirs, []);
    assert.ok(!provider.services.has('default/derived') && !provider.services.has('default/elsewhere'));
    assert.equal(
      places(provider, 'cart')?.some((place) => place.startsWith('10.9.')),
      false,
    );
  });

  it('keeps the last good version of a rule, over a restart too, and closes where there never was one', async (t) => {
    const client = suite.server.client(t);
    await defineKind(client, 'AccessPolicy', ACCESS);
    const lastGoodFile = join(tempFolder(t), 'last-good.json');
    await client.apply(ACCESS, access('rule', 'Deny'));
    const first = await open(t, client, lastGoodFile);
    assert.deepEqual(actions(first, 'cart'), ['deny']);
    await client.apply(ACCESS, access('rule', 'Perhaps'));
    await eventually(
      'the problem is told',
      () => problemAt(first, 'AccessPolicy/default/rule') !== undefined,
    );
    assert.match(
      problemAt(first, 'AccessPolicy/default/rule') ?? '',
      /^spec\.rules\.0\.action: .*; the last good version stays in force/,
    );
    assert.deepEqual(actions(first, 'cart'), ['deny']);
    await first.close();
    await client.apply(ACCESS, access('never-good', 'Maybe', 'till'));
    const second = await open(t, client, lastGoodFile);
    assert.deepEqual(actions(second, 'cart'), ['deny']);
    assert.deepEqual(actions(second, 'till'), ['deny']);
    assert.match(problemAt(second, 'AccessPolicy/default/never-good') ?? '', /nobody may call default\/till/);
    await client.apply(ACCESS, access('rule', 'Allow'));
    await client.delete(ACCESS, { name: 'never-good', namespace: NAMESPACE });
    await eventually('it is mended', () => second.accessPolicies.size === 1);
    await eventually('the rule is in force', () => actions(second, 'cart')[0] === 'allow');
    await eventually('nothing is wrong', () => problemAt(second, 'AccessPolicy/default/rule') === undefined);
  });

  it('serves on while the API server restarts, and changes nothing', async (t) => {
    const client = suite.server.client(t);
    const provider = await open(t, client);
    const changes: ProviderChange[] = [];
    provider.watch((change) => changes.push(change));
    const known = [...provider.services.keys()];
    await suite.server.kill();
    await eventually('it is told of', () => problemAt(provider, 'the Kubernetes API') !== undefined);
    assert.deepEqual([...provider.services.keys()], known);
    await suite.server.start();
    await eventually('it is back', () => problemAt(provider, 'the Kubernetes API') === undefined, 60_000);
    await client.apply(SLICES, slice('cart-3', 'cart', [endpoint('10.0.0.5', 'n1')]));
    await eventually('it follows', () => places(provider, 'cart')?.length === 5, 60_000);
    assert.deepEqual(changes, [{ kind: 'service', key: 'default/cart' }]);
  });
});
