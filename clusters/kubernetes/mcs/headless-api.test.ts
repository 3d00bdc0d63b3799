import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AddressGroup } from '../../../federation/model/flat-network.ts';
import { clustersetService, snapshotPort } from '../../../test/fixtures/clusterset-view.ts';
import { missingCoreDns, startCoreDns } from '../../../test/fixtures/coredns.ts';
import { missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { McsCluster } from '../../../test/fixtures/mcs-cluster.ts';
import type { ClustersetService } from './clusterset-view.ts';
import { ENDPOINT_SLICES, SERVICE_IMPORTS } from './mcs-objects.ts';

const [IMPORTS] = SERVICE_IMPORTS;
const KEY = 'shop/nodes';
const NAME = 'nodes.shop.svc.clusterset.local';

interface SliceObject {
  metadata: { name: string; labels: Record<string, string> };
  addressType: string;
  endpoints: { addresses: string[]; hostname?: string; conditions: { ready: boolean } }[];
  ports: { name: string; port: number; protocol: string }[];
}

interface ImportObject {
  spec: { type: string; ips?: string[]; ipFamilies?: string[] };
  status?: {
    endpointSliceObjects: string;
    conditions: { status: string; reason: string; message: string }[];
  };
}

const WEST: AddressGroup = {
  ports: { http: 8080, gossip: 7000 },
  hosts: [
    { address: '10.2.0.1', hostname: 'nodes-0', ready: true },
    { address: '10.2.0.2', hostname: 'nodes-1', ready: false },
  ],
};
const EAST: AddressGroup = {
  ports: { http: 8081 },
  hosts: [
    { address: '10.1.0.1', hostname: 'nodes-0', ready: true },
    { address: 'fd00::1', ready: true },
  ],
};

const missing = missingKubeApiServer() || missingCoreDns();

describe('a headless service on a flat network', { skip: missing }, () => {
  let east: McsCluster;
  const ends: (() => void | Promise<void>)[] = [];
  const owner = { after: (end: () => void | Promise<void>) => ends.push(end) };

  const service = (addresses: Readonly<Record<string, readonly AddressGroup[]>>): ClustersetService => ({
    ...clustersetService(
      KEY,
      [snapshotPort('http', 80, undefined)],
      { east: undefined, west: undefined },
      'Headless',
    ),
    otherPorts: [{ name: 'gossip', port: 70, transport: 'UDP', appProtocol: undefined }],
    addresses: new Map(Object.entries(addresses)),
  });
  const slices = async (): Promise<readonly SliceObject[]> =>
    (await east.list(ENDPOINT_SLICES, 'multicluster.kubernetes.io/service-name=nodes')) as SliceObject[];
  const imported = (): Promise<ImportObject | undefined> => east.get<ImportObject>(IMPORTS, 'shop', 'nodes');

  before(async () => {
    east = await McsCluster.start(owner, 'east');
    await east.namespace('shop');
    await east.run();
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  it('is imported with the addresses of its pods in each cluster', async () => {
    east.view.set(KEY, service({ east: [EAST], west: [WEST] }));
    await east.until('it is ready', async () => (await imported())?.status?.conditions[0]?.status === 'True');
    const found = (await slices()).map(({ metadata, addressType, endpoints, ports }) => ({
      from: metadata.labels['multicluster.kubernetes.io/source-cluster'],
      service: metadata.labels['kubernetes.io/service-name'],
      addressType,
      pods: endpoints.map(({ addresses, hostname, conditions }) => [
        addresses[0],
        hostname,
        conditions.ready,
      ]),
      port: ports[0]?.port,
    }));
    found.sort((a, b) => (`${a.from} ${a.addressType}` < `${b.from} ${b.addressType}` ? -1 : 1));
    const common = { service: undefined };
    assert.deepEqual(found, [
      { from: 'east', ...common, addressType: 'IPv4', pods: [['10.1.0.1', 'nodes-0', true]], port: 8081 },
      { from: 'east', ...common, addressType: 'IPv6', pods: [['fd00::1', undefined, true]], port: 8081 },
      {
        from: 'west',
        ...common,
        addressType: 'IPv4',
        pods: [
          ['10.2.0.1', 'nodes-0', true],
          ['10.2.0.2', 'nodes-1', false],
        ],
        port: 8080,
      },
    ]);
    const ofWest = (await slices()).find(
      ({ metadata }) => metadata.labels['multicluster.kubernetes.io/source-cluster'] === 'west',
    );
    assert.deepEqual(
      ofWest?.ports.map(({ name, port, protocol }) => [name, port, protocol]),
      [
        ['http', 8080, 'TCP'],
        ['gossip', 7000, 'UDP'],
      ],
      'pods are reached by every protocol',
    );
    const object = await imported();
    assert.equal(object?.spec.type, 'Headless');
    assert.equal(object.spec.ips, undefined);
    assert.deepEqual(object.spec.ipFamilies, ['IPv4', 'IPv6']);
    assert.equal(object.status?.endpointSliceObjects, 'Present');
  });

  it('has a name for each pod, and one for all that are ready', async () => {
    const dns = await startCoreDns(owner, east.server);
    const answers = async (name: string): Promise<string> => {
      try {
        return (await dns.resolve4(name)).sort().join();
      } catch (failure) {
        return failure instanceof Error && 'code' in failure ? String(failure.code) : String(failure);
      }
    };
    await east.until('CoreDNS answers', async () => (await answers(NAME)) === '10.1.0.1,10.2.0.1');
    assert.equal(await answers(`nodes-0.west.${NAME}`), '10.2.0.1');
    assert.equal(await answers(`nodes-0.east.${NAME}`), '10.1.0.1');
    assert.equal(await answers(`nodes-1.west.${NAME}`), 'ENOTFOUND', 'a pod that is not ready');
    assert.deepEqual(await dns.resolve6(NAME), ['fd00::1']);
    const all = await dns.resolveSrv(`_http._tcp.${NAME}`);
    assert.deepEqual([...new Set(all.map(({ port }) => port))].sort(), [8080, 8081]);
    const gossip = await dns.resolveSrv(`_gossip._udp.${NAME}`);
    assert.deepEqual(
      gossip.map(({ name, port }) => [name, port]),
      [[`nodes-0.west.${NAME}`, 7000]],
    );
    const ready = { ...WEST, hosts: WEST.hosts.map((host) => ({ ...host, ready: true })) };
    east.view.set(KEY, service({ east: [EAST], west: [ready] }));
    await east.until(
      'the new pod has a name',
      async () => (await answers(`nodes-1.west.${NAME}`)) === '10.2.0.2',
    );
  });

  it('tells of clusters in another network, and of none in this one', async () => {
    east.view.set(KEY, service({ east: [EAST] }));
    await east.until('the slices of west are gone', async () => (await slices()).length === 2);
    await east.until('it says so', async () =>
      /those of west are in another network/.test((await imported())?.status?.conditions[0]?.message ?? ''),
    );
    east.view.set(KEY, service({}));
    await east.until('no slices', async () => (await slices()).length === 0);
    await east.until('it says why', async () => {
      const [ready] = (await imported())?.status?.conditions ?? [];
      return ready?.status === 'False' && ready.reason === 'FlatNetworkRequired';
    });
    assert.equal((await imported())?.status?.endpointSliceObjects, 'Absent');
    east.view.withdraw(KEY);
    await east.until('it is gone', async () => (await imported()) === undefined);
  });
});
