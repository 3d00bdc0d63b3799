import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { isthmus } from '../../test/fixtures/isthmus-process.ts';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { DEFINITIONS } from '../../test/fixtures/kube-definitions.ts';
import { EAST_REPORT, WEST } from '../../test/fixtures/program-reports.ts';
import { eventually } from '../../test/fixtures/store-clusters.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { contextFlags } from '../context/kubernetes-site.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { KubernetesProvider } from '../kubernetes/kubernetes-provider.ts';
import { CLUSTER_PEERS, MANAGED_BY } from '../kubernetes/membership/resource-types.ts';
import type { KubeObject } from '../kubernetes/resource-type.ts';
import { drainCommand, undrainCommand } from './drain-command.ts';
import type { DrainSite } from './drain-site.ts';
import { kubernetesDrains } from './kubernetes-drains.ts';

const CRD = join(import.meta.dirname, '../../charts/isthmus/crd-files/clusterpeers.isthmus.io.yaml');
const SINCE_MS = Date.parse('2026-01-31T12:00:00Z');
const ORDER = { sinceMs: SINCE_MS, overMs: 300_000 };

interface Found {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

function peer(name: string, spec: object, labels: object = {}): KubeObject {
  return { apiVersion: 'isthmus.io/v1alpha1', kind: 'ClusterPeer', metadata: { name, labels }, spec };
}

describe('drains in Kubernetes', { skip: missingKubeApiServer(), timeout: 120_000 }, () => {
  const suite = KubeApiServer.forSuite();
  let server: KubeApiServer;
  let client: KubeClient;
  let site: DrainSite;

  before(async () => {
    server = suite.server;
    client = await KubeClient.ofContext({ kubeconfig: server.kubeconfig });
    await client.apply(DEFINITIONS, parse(readFileSync(CRD, 'utf8')) as KubeObject);
    while (!(await client.rawGet('/apis/isthmus.io/v1alpha1').catch(() => '')).includes('clusterpeers'))
      await sleep(50);
    site = kubernetesDrains({
      context: 'test',
      flags: '--context test',
      client,
      sight: async () => EAST_REPORT,
    });
  });
  after(() => client?.close());

  async function find(name: string): Promise<Found | undefined> {
    try {
      return (await client.get(CLUSTER_PEERS, { name })) as Found;
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return undefined;
      throw failure;
    }
  }

  it('make the ClusterPeer that is not there, and take it away again', async () => {
    assert.equal(await site.order('alone'), undefined);
    await site.write('alone', ORDER);
    assert.deepEqual(await site.order('alone'), ORDER);
    const made = await find('alone');
    assert.deepEqual(made?.spec, { drain: { duration: '5m', since: '2026-01-31T12:00:00.000Z' } });
    assert.deepEqual(made.metadata.labels, MANAGED_BY);
    await site.write('alone', { ...ORDER, overMs: 0 });
    assert.deepEqual(await site.order('alone'), { ...ORDER, overMs: 0 });
    await site.write('alone', undefined);
    assert.equal(await find('alone'), undefined);
    await site.write('alone', undefined);
  });

  it('leave what others have said in it', async () => {
    const joined = { trustDomain: 'west.mesh.example', gateways: ['west.example:15443'] };
    await client.apply(CLUSTER_PEERS, peer('joined', joined, MANAGED_BY), {
      fieldManager: 'isthmus-membership',
    });
    await client.apply(CLUSTER_PEERS, peer('joined', { allowedNamespaces: ['shop'] }), {
      fieldManager: 'kubectl',
    });
    await site.write('joined', ORDER);
    // Whoever joins again writes what joining writes.
    await client.apply(CLUSTER_PEERS, peer('joined', joined, MANAGED_BY), {
      fieldManager: 'isthmus-membership',
    });
    assert.deepEqual(await site.order('joined'), ORDER);
    await site.write('joined', undefined);
    const found = await find('joined');
    assert.deepEqual(found?.spec, { ...joined, allowedNamespaces: ['shop'] });
    assert.deepEqual(found.metadata.labels, MANAGED_BY);
  });

  it('end what a person ordered, and keep the object that they made', async () => {
    const drain = { duration: '1h' };
    await client.apply(CLUSTER_PEERS, peer('by-hand', { drain }), { fieldManager: 'kubectl' });
    assert.deepEqual(await site.order('by-hand'), { sinceMs: undefined, overMs: 3_600_000 });
    await site.write('by-hand', undefined);
    assert.deepEqual((await find('by-hand'))?.spec, {});
  });

  it('are heeded by the provider that reads the cluster', async (t) => {
    const provider = await KubernetesProvider.open({
      client,
      clock: SYSTEM_CLOCK,
      random: Math.random,
      home: { region: 'eu', zone: 'eu-a' },
      lastGoodFile: join(tempFolder(t), 'last-good.json'),
    });
    t.after(() => provider.close());
    await provider.ready;
    await site.write('east', ORDER);
    await eventually('it begins', () => provider.peerRules.get('east')?.drain?.sinceMs === SINCE_MS);
    assert.deepEqual(provider.peerRules.get('east')?.drain, ORDER);
    await site.write('east', undefined);
    await eventually('it ends', () => !provider.peerRules.has('east'));
  });

  it('are ordered and ended by the commands', async () => {
    const output = () => new CapturedOutput('json').output;
    const waiting = { now: () => 0, sleep: async () => {} };
    const peers = [{ ...WEST, lastMemberOf: [] }];
    const looked = kubernetesDrains({
      context: 'test',
      flags: '--context test',
      client,
      sight: async () => ({ ...EAST_REPORT, peers }),
    });
    const context = () => ({ site: looked, output: output(), ...waiting });
    await drainCommand('west', { over: '10m', wait: false }, context());
    assert.deepEqual(await site.order('west'), { sinceMs: EAST_REPORT.nowMs, overMs: 600_000 });
    await undrainCommand('west', { wait: false }, context());
    assert.equal(await find('west'), undefined);
  });

  it('say what a person may not do, and how to be allowed to', async (t) => {
    const accounts = { group: '', version: 'v1', plural: 'serviceaccounts', namespaced: true };
    const ref = { name: 'nobody', namespace: 'default' };
    await client.create(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: ref });
    const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const answer = await client.createSubresource(accounts, ref, 'token', asked);
    const { token } = (answer as { status: { token: string } }).status;
    const kubeconfig = join(tempFolder(t), 'kubeconfig');
    writeFileSync(kubeconfig, readFileSync(server.kubeconfig, 'utf8').replace(server.token, token));
    const stranger = await KubeClient.ofContext({ kubeconfig });
    const drains = kubernetesDrains({
      context: 'test',
      flags: '--context test',
      client: stranger,
      sight: async () => EAST_REPORT,
    });
    await assert.rejects(drains.write('west', ORDER), (failure: Error & { hint?: string }) => {
      assert.match(failure.message, /^context test: .*forbidden/i);
      assert.match(failure.hint ?? '', /must be allowed to get, create, patch/);
      return true;
    });
    drains.close();
  });

  it('say where to log in again, also with a kubeconfig that was named', async (t) => {
    const kubeconfig = join(tempFolder(t), 'kubeconfig');
    writeFileSync(kubeconfig, readFileSync(server.kubeconfig, 'utf8').replace(server.token, 'no-more'));
    const flags = contextFlags('test', kubeconfig);
    const expired = await KubeClient.ofContext({ kubeconfig });
    const drains = kubernetesDrains({
      context: 'test',
      flags,
      client: expired,
      sight: async () => EAST_REPORT,
    });
    await assert.rejects(drains.write('west', ORDER), (failure: Error & { hint?: string }) => {
      assert.equal(failure.hint, `log in again: kubectl ${flags} get nodes asks for the same`);
      return true;
    });
    drains.close();
  });

  it('need a release of the chart', async (t) => {
    const place = ['--context', 'test', '--kubeconfig', server.kubeconfig];
    const { code, stderr } = await isthmus(t, ['cluster', 'drain', 'west', ...place]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: context test: there is no release of the chart\nhint: helm install /);
    const both = await isthmus(t, ['cluster', 'drain', 'west', '--dir', 'x', ...place]);
    assert.equal(both.code, 2);
    const lost = await isthmus(t, ['cluster', 'undrain', 'west', '--kubeconfig', server.kubeconfig]);
    assert.equal(lost.code, 2);
    assert.match(lost.stderr, /^error: --kubeconfig needs --context\n/);
  });
});
