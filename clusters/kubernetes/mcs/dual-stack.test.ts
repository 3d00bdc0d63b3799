import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clustersetService, snapshotPort } from '../../../test/fixtures/clusterset-view.ts';
import { missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { HOME, McsCluster } from '../../../test/fixtures/mcs-cluster.ts';
import { derivedName, ENDPOINT_SLICES, SERVICE_IMPORTS, SERVICES } from './mcs-objects.ts';

const [IMPORTS] = SERVICE_IMPORTS;
const KEY = 'shop/payments';
const payments = { namespace: 'shop', name: 'payments' };
const RANGES = { serviceRanges: '10.192.0.0/16,fd00:192::/112' };
const SERVICE = clustersetService(KEY, [snapshotPort('http', 80, 15_600)], { west: undefined });

interface ImportObject {
  spec: { ips?: string[]; ipFamilies?: string[] };
}

describe('imports in a dual-stack cluster', { skip: missingKubeApiServer(), timeout: 240_000 }, () => {
  it('have the addresses of the families by which the gateways are reached, and slices of those', async (t) => {
    const east = await McsCluster.start(t, 'east', undefined, RANGES);
    await east.namespace('shop');
    east.view.set(KEY, SERVICE);
    await east.run();
    const imported = () => east.get<ImportObject>(IMPORTS, 'shop', 'payments');
    const families = async () => (await imported())?.spec.ipFamilies?.join();
    const slices = async () => {
      const found = (await east.list(ENDPOINT_SLICES, 'multicluster.kubernetes.io/service-name')) ?? [];
      return found
        .map((slice) => (slice as { addressType: string }).addressType)
        .sort()
        .join();
    };
    // The gateways' own Service is of one family, as Services are unless they ask for both.
    await east.until('its address', async () => (await families()) !== undefined);
    await east.quiet();
    assert.equal(await families(), 'IPv4');
    const [address = '', ...others] = (await imported())?.spec.ips ?? [];
    assert.match(address, /^10\.192\./);
    assert.deepEqual([others, await slices()], [[], 'IPv4']);
    await east.gateways(['fd00:1::1'], 'IPv6');
    await east.until('both', async () => (await families()) === 'IPv4,IPv6');
    await east.until('slices of both', async () => (await slices()) === 'IPv4,IPv6');
    const ips = (await imported())?.spec.ips ?? [];
    assert.equal(ips[0], address);
    assert.match(ips[1] ?? '', /^fd00:192::/);
    const service = await east.get<{ spec: { clusterIPs: string[] } }>(
      SERVICES,
      'shop',
      derivedName(payments),
    );
    assert.deepEqual(service?.spec.clusterIPs, ips);
    // No gateway for a while changes no address; a Service that is of one family again does.
    await east.gateways([], 'IPv6');
    await east.quiet();
    assert.equal(await families(), 'IPv4,IPv6');
    await east.admin.delete(ENDPOINT_SLICES, { namespace: HOME, name: 'isthmus-gateway-ipv6' });
    await east.until('one', async () => (await families()) === 'IPv4');
    await east.until('a slice of one', async () => (await slices()) === 'IPv4');
    await east.quiet();
    const written = east.writes.length;
    east.view.tell(KEY);
    await east.quiet();
    assert.equal(east.writes.length, written);
  });
});
