import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { releaseStore } from '../../clusters/commands/release-store.ts';
import { parseStoreFlags } from '../../clusters/commands/store-flags.ts';
import { writeHomeFile } from '../../clusters/folder/home-file.ts';
import { loadFederationFile } from '../../federation/config.ts';
import { loadGatewayFile } from '../../gateway/config.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { manifests, missingHelm, NAMESPACE, only } from './helm.ts';

const EAST = { cluster: { name: 'east' } };

describe('configurations of the chart', { skip: missingHelm() }, () => {
  const folder = tempFolder({ after });

  /** The files of a ConfigMap, as the pod has them. */
  const mounted = (name: string, values: object): string => {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    const data = only(manifests(folder, values), 'ConfigMap', name).data as Record<string, string>;
    for (const [file, text] of Object.entries(data)) writeFileSync(join(path, file), text);
    return path;
  };

  it('are what a gateway takes', async () => {
    const values = {
      ...EAST,
      gateway: { tlsPassthrough: { enabled: true }, limits: { maxConnections: 100 }, accessLogSample: 0.5 },
    };
    const file = await loadGatewayFile(join(mounted('isthmus-gateway', values), 'gateway.yaml'));
    assert.ok(file.kind === 'kubernetes');
    const { cluster, telemetry, limits, listeners, accessLog, kubernetes, federation } = file.config;
    assert.equal(cluster, 'east');
    assert.equal(telemetry?.port, 15_020);
    assert.equal(limits.maxConnections, 100);
    assert.equal(listeners.tlsPassthrough?.port, 15_444);
    assert.equal(accessLog.sample, 0.5);
    assert.equal(kubernetes.namespace, NAMESPACE);
    assert.equal(federation.tokenFile, '/var/run/secrets/isthmus/token');
  });

  for (const name of ['123', 'true', '1e3', '0x1f', 'null']) {
    it(`keep a cluster's name that YAML would take for something else: ${name}`, async () => {
      const values = { cluster: { name } };
      const gateway = await loadGatewayFile(join(mounted('isthmus-gateway', values), 'gateway.yaml'));
      assert.ok(gateway.kind === 'kubernetes');
      assert.equal(gateway.config.cluster, name);
      const federation = await loadFederationFile(
        join(mounted('isthmus-federation', values), 'federation.yaml'),
      );
      assert.ok(federation.kind === 'kubernetes');
      assert.equal(federation.config.cluster, name);
    });
  }

  it('name the replicas of the federation service to gateways, for somebody may scale it by hand', async () => {
    const file = await loadGatewayFile(join(mounted('isthmus-gateway', EAST), 'gateway.yaml'));
    assert.ok(file.kind === 'kubernetes');
    const host = `isthmus-federation-replicas.${NAMESPACE}.svc`;
    assert.deepEqual(file.config.federation.replicas, [{ host, port: 15_010 }]);
    const service = only(manifests(folder, EAST), 'Service', 'isthmus-federation-replicas').spec;
    assert.deepEqual(
      [
        (service as { clusterIP: string }).clusterIP,
        (service as { publishNotReadyAddresses: boolean }).publishNotReadyAddresses,
      ],
      ['None', true],
    );
  });

  it('are what the federation service takes', async () => {
    const values = {
      ...EAST,
      listenHost: '::',
      gateway: { advertise: ['east.example:15443'], serviceAccount: { name: 'theirs' } },
    };
    const file = await loadFederationFile(join(mounted('isthmus-federation', values), 'federation.yaml'));
    assert.ok(file.kind === 'kubernetes');
    const { telemetry, kubernetes } = file.config;
    assert.deepEqual(telemetry, { host: '::', port: 15_012 });
    assert.deepEqual(kubernetes.advertise, [{ host: 'east.example', port: 15_443 }]);
    assert.deepEqual(
      [kubernetes.gatewayService, kubernetes.gatewayPortName, kubernetes.gatewayServiceAccount],
      ['isthmus-gateway', 'mesh', 'theirs'],
    );
  });

  it('tell isthmus cluster init which store it is', async () => {
    const urls = ['redis://a.example:26379', 'redis://b.example:26379'];
    const values = { ...EAST, store: { redis: { urls, sentinelName: 'isthmus' } } };
    const path = mounted('isthmus-federation', values);
    await writeHomeFile({ root: path }, { federationFile: join(path, 'federation.yaml') });
    const found = await releaseStore(path);
    assert.ok(found);
    const { location } = await parseStoreFlags(found, undefined);
    assert.deepEqual(location, { kind: 'redis', urls, sentinel: { name: 'isthmus' } });
  });
});
