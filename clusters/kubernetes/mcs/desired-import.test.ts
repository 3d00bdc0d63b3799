import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clustersetService, snapshotPort } from '../../../test/fixtures/clusterset-view.ts';
import type { ClustersetService } from './clusterset-view.ts';
import { desiredDerived, desiredImport, importReady, leadingIps } from './desired-import.ts';
import { exportedNames, exportedOf } from './exported-names.ts';
import { type GatewaySlice, gatewaySlice, joinGatewaySlices } from './gateway-endpoints.ts';
import { SERVICE_IMPORTS } from './mcs-objects.ts';

const [IMPORTS, OLD_IMPORTS] = SERVICE_IMPORTS;
const KEY = 'shop/payments';

function gateways(...addresses: readonly (readonly [string, boolean])[]) {
  const slice: GatewaySlice = {
    addressType: 'IPv4',
    endpoints: addresses.map(([address, ready]) => ({
      addresses: [address],
      conditions: { ready, serving: ready, terminating: false },
    })),
  };
  return joinGatewaySlices([slice]);
}

describe('what an import should be', () => {
  const known = clustersetService(
    KEY,
    [snapshotPort('http', 80, 15_600), snapshotPort('admin', 81, undefined)],
    {
      east: ['http'],
      west: undefined,
    },
  );

  it('has only ports that the gateways listen on, and of each cluster those that it has', () => {
    const derived = desiredDerived(known, gateways(['10.0.0.1', true]));
    assert.deepEqual(
      ((derived?.service?.spec ?? { ports: [] }) as { ports: { targetPort: number }[] }).ports.map(
        ({ targetPort }) => targetPort,
      ),
      [15_600],
    );
    assert.equal(derived?.slices.length, 2);
    const closed = clustersetService(KEY, [snapshotPort('http', 80, undefined)], { east: undefined });
    assert.equal(desiredDerived(closed, gateways(['10.0.0.1', true])), undefined);
  });

  it('is ready when all of its ports are open, it has an address, and there is a gateway', () => {
    const open = clustersetService(KEY, [snapshotPort('http', 80, 15_600)], { east: undefined });
    const there = gateways(['10.0.0.1', true]);
    assert.match(
      importReady(known, ['10.96.0.1'], there).message,
      /no port of the gateways is given yet to: admin/,
    );
    assert.match(importReady(open, [], there).message, /no address yet/);
    assert.match(importReady(open, ['10.96.0.1'], gateways()).message, /no gateway of this cluster is ready/);
    assert.equal(importReady(open, ['10.96.0.1'], there).status, 'True');
  });

  it('says nothing of what holds by default, but for the internal traffic policy as a Service does', () => {
    const fields = (found: ClustersetService, type = IMPORTS) =>
      Object.keys((desiredImport(found, [], type).spec ?? {}) as object);
    assert.deepEqual(fields(known), ['type', 'ports', 'internalTrafficPolicy']);
    assert.deepEqual(fields({ ...known, type: 'Headless' }), ['type', 'ports']);
    assert.deepEqual(fields(known, OLD_IMPORTS), ['type', 'ports'], 'not every v1alpha1 has the field');
  });

  it('has the addresses of the families by which the gateways are reached', () => {
    const v4 = gateways(['10.0.0.1', true]);
    assert.deepEqual(leadingIps(['fd00::1', '10.96.0.1'], v4), ['10.96.0.1']);
    assert.deepEqual(leadingIps(['10.96.0.1'], v4), ['10.96.0.1']);
    const both = joinGatewaySlices([
      { addressType: 'IPv6', endpoints: [] },
      { addressType: 'IPv4', endpoints: [] },
    ]);
    assert.deepEqual(leadingIps(['fd00::1', '10.96.0.1'], both), ['fd00::1', '10.96.0.1']);
    assert.deepEqual(leadingIps(['fd00::1', '10.96.0.1'], new Map()), ['fd00::1', '10.96.0.1']);
  });

  it('says by which families of addresses clients here reach it', () => {
    const families = (found: ClustersetService, ips: readonly string[], type = IMPORTS) =>
      (desiredImport(found, ips, type).spec as { ipFamilies?: unknown }).ipFamilies;
    assert.deepEqual(families(known, ['fd00::1', '10.96.0.1']), ['IPv4', 'IPv6']);
    assert.equal(families(known, []), undefined, 'it has no address yet');
    assert.equal(families(known, ['10.96.0.1'], OLD_IMPORTS), undefined);
    const hosts = [{ address: 'fd00::2', ready: true }];
    const headless = { ...known, type: 'Headless' as const };
    const flat = { ...headless, addresses: new Map([['west', [{ ports: { http: 80 }, hosts }]]]) };
    assert.deepEqual(families(flat, []), ['IPv6']);
    assert.equal(families(headless, []), undefined);
  });

  it('shows ports that no gateway carries, and leads nowhere by them', () => {
    const open = clustersetService(KEY, [snapshotPort('dns-tcp', 53, 15_600)], { east: undefined });
    const otherPorts = [{ name: 'dns', port: 53, transport: 'UDP' as const, appProtocol: undefined }];
    const both = { ...open, otherPorts };
    const there = gateways(['10.0.0.1', true]);
    assert.deepEqual(desiredDerived(both, there), desiredDerived(open, there));
    assert.deepEqual((desiredImport(both, [], IMPORTS).spec as { ports: unknown }).ports, [
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ]);
    const { status, message } = importReady(both, ['10.96.0.1'], there);
    assert.equal(status, 'True');
    assert.match(message, /carry TCP only; not reached: dns \(UDP 53\)$/);
  });

  it('means half a character as the API server will keep it', () => {
    const { annotations } = exportedNames(known.service, { annotations: { note: 'a\ud800b' } });
    assert.equal(annotations?.note, 'a\ufffdb');
  });

  it('takes names of the export but for those that are kept for others', () => {
    const labels = { team: 'shop', 'multicluster.kubernetes.io/service-name': 'other' };
    const annotations = {
      'example.com/note': 'a',
      'isthmus.io/weight': '5',
      'sub.isthmus.io/x': 'y',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      'notisthmus.io/x': 'z',
    };
    const tools = {
      'app.kubernetes.io/instance': 'other',
      'applyset.kubernetes.io/part-of': 'other',
      'argocd.argoproj.io/tracking-id': 'other',
      'helm.sh/chart': 'other',
      'meta.helm.sh/release-name': 'other',
      'kustomize.toolkit.fluxcd.io/name': 'other',
      'helm.toolkit.fluxcd.io/name': 'other',
    };
    const found = exportedNames(known.service, {
      labels: { ...labels, ...tools },
      annotations: { ...annotations, ...tools },
    });
    assert.deepEqual(found.labels, {
      team: 'shop',
      'app.kubernetes.io/managed-by': 'isthmus',
      'multicluster.kubernetes.io/service-name': 'payments',
    });
    assert.deepEqual(Object.keys(found.annotations ?? {}).sort(), [
      'example.com/note',
      'isthmus.io/exported',
      'notisthmus.io/x',
    ]);
    const names = [
      'annotation isthmus.io/exported',
      'label team',
      'annotation example.com/note',
      'annotation notisthmus.io/x',
    ];
    assert.deepEqual(exportedOf(found.labels, found.annotations ?? {}).names, names);
    assert.deepEqual(exportedOf({}, {}).names, []);
    const broken = exportedOf({}, { 'isthmus.io/exported': '{' });
    assert.notDeepEqual(broken.values, exportedOf({}, {}).values, 'it is written anew');
  });
});

describe('the gateways of a cluster', () => {
  it('are in the order of their addresses; one in two slices counts by the better word', () => {
    const slices = [
      gatewaySlice(slice('10.0.0.2', false)),
      gatewaySlice(slice('10.0.0.2', true)),
      gatewaySlice(slice('10.0.0.1', true)),
    ];
    const joined = joinGatewaySlices(slices.filter((found) => found !== undefined));
    assert.deepEqual(
      joined.get('IPv4')?.map(({ addresses, conditions }) => [addresses[0], conditions.ready]),
      [
        ['10.0.0.1', true],
        ['10.0.0.2', true],
      ],
    );
  });

  it('are none where a slice has names or cannot be read', () => {
    assert.equal(gatewaySlice({ addressType: 'FQDN', endpoints: [] }), undefined);
    assert.equal(gatewaySlice('no slice'), undefined);
  });

  function slice(address: string, ready: boolean): unknown {
    return { addressType: 'IPv4', endpoints: [{ addresses: [address], conditions: { ready } }] };
  }
});
