import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clustersetService, snapshotPort } from '../../../test/fixtures/clusterset-view.ts';
import { missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { DEFINITIONS } from '../../../test/fixtures/kube-definitions.ts';
import { McsCluster } from '../../../test/fixtures/mcs-cluster.ts';
import type { KubeObject } from '../resource-type.ts';
import { derivedName, ENDPOINT_SLICES, SERVICE_IMPORTS, SERVICES, sliceName } from './mcs-objects.ts';
import { DOUBT_EVERY_MS } from './owned-objects.ts';

const [IMPORTS] = SERVICE_IMPORTS;
const KEY = 'shop/payments';
const payments = { namespace: 'shop', name: 'payments' };
const both = { east: undefined, west: undefined };
const PORTS = [snapshotPort('http', 80, 15_600, 'http')];

interface Found {
  metadata: { labels: Record<string, string>; annotations?: Record<string, string>; finalizers?: string[] };
  spec: Record<string, unknown>;
  status?: Record<string, unknown>;
}

/** As releases before the fields had it. */
function older(definition: KubeObject): KubeObject {
  const { names, versions } = definition.spec as {
    names: { kind: string };
    versions: {
      schema: { openAPIV3Schema: { properties: Record<string, { properties: Record<string, unknown> }> } };
    }[];
  };
  if (names.kind !== 'ServiceImport') return definition;
  for (const { schema } of versions) {
    const { spec, status } = schema.openAPIV3Schema.properties;
    for (const field of ['sessionAffinityConfig', 'trafficDistribution']) delete spec?.properties[field];
    for (const field of ['conditions', 'endpointSliceObjects']) delete status?.properties[field];
  }
  return definition;
}

/** Has a timer of that length run out when the test says so. */
function timerOf(cluster: McsCluster, lengthMs: number): () => void {
  const waiting = new Set<() => void>();
  const { clock } = cluster;
  cluster.clock = {
    ...clock,
    after: (delayMs, callback) => {
      if (delayMs !== lengthMs) return clock.after(delayMs, callback);
      waiting.add(callback);
      return () => waiting.delete(callback);
    },
  };
  return () => {
    const due = [...waiting];
    waiting.clear();
    for (const callback of due) callback();
  };
}

describe('a ServiceImport of an older release', { skip: missingKubeApiServer(), timeout: 120_000 }, () => {
  it('is not written again and again for what it leaves out, and others keep their labels', async (t) => {
    const east = await McsCluster.start(t, 'east', older);
    await east.namespace('shop');
    const traits = {
      sessionAffinity: { timeoutSeconds: 60 },
      trafficDistribution: 'PreferClose',
      labels: { team: 'shop' },
    };
    east.view.set(KEY, { ...clustersetService(KEY, PORTS, both), traits });
    await east.run();
    const imported = () => east.get<Found>(IMPORTS, 'shop', 'payments');
    await east.until('it is there', async () => (await imported())?.spec.ips !== undefined);
    await east.quiet();
    const settled = east.writes.length;
    const found = await imported();
    assert.equal(found?.spec.sessionAffinity, 'ClientIP');
    assert.equal(found.spec.trafficDistribution, undefined, 'the kind does not know it');
    assert.equal(found.status?.conditions, undefined);
    for (let again = 0; again < 3; again++) {
      east.view.tell(KEY);
      await east.quiet();
    }
    assert.deepEqual([east.writes.slice(settled), east.problems], [[], []]);

    const labels = { ...found.metadata.labels, theirs: 'yes' };
    const annotations = { ...found.metadata.annotations, 'their.example/note': 'mine' };
    const finalizers = ['their.example/hold'];
    await east.admin.update(IMPORTS, {
      ...found,
      metadata: { ...found.metadata, labels, annotations, finalizers },
    } as never);
    await east.quiet();
    const before = east.writes.length;
    await east.run();
    east.view.tell(KEY);
    await east.quiet();
    assert.ok(east.writes.length - before <= 8, `a new process finds out once: ${east.writes.slice(before)}`);
    const known = east.writes.length;
    east.view.tell(KEY);
    await east.quiet();
    assert.deepEqual(east.writes.slice(known), []);
    east.view.set(KEY, { ...clustersetService(KEY, PORTS, both), traits: { ...traits, labels: {} } });
    await east.until(
      'its own label goes',
      async () => !('team' in ((await imported())?.metadata.labels ?? {})),
    );
    await east.quiet();
    const after = await imported();
    assert.equal(after?.metadata.labels.theirs, 'yes');
    assert.equal(after.metadata.annotations?.['their.example/note'], 'mine');
    assert.equal(after.metadata.annotations?.['isthmus.io/exported'], undefined);
    assert.deepEqual(after.metadata.finalizers, finalizers);
    const last = east.writes.length;
    east.view.tell(KEY);
    await east.quiet();
    assert.deepEqual(east.writes.slice(last), []);
    await east.admin.update(IMPORTS, { ...after, metadata: { ...after.metadata, finalizers: [] } } as never);
  });

  it('gets what it left out once its definition is brought up to date', async (t) => {
    let newest: KubeObject | undefined;
    const east = await McsCluster.start(t, 'east', (definition) => {
      const old = older(structuredClone(definition));
      if (JSON.stringify(old) !== JSON.stringify(definition)) newest = definition;
      return old;
    });
    const doubt = timerOf(east, DOUBT_EVERY_MS);
    await east.namespace('shop');
    const traits = { trafficDistribution: 'PreferClose' };
    const OTHER = 'shop/cart';
    const imported = (name: string) => east.get<Found>(IMPORTS, 'shop', name);
    const there = (name: string) =>
      east.until(`${name} is there`, async () => (await imported(name))?.spec.ips !== undefined);
    await east.run();
    // One after the other: all that the kind lacks is learned from the first, so that it alone is asked with again.
    for (const key of [KEY, OTHER] as const) {
      east.view.set(key, { ...clustersetService(key, PORTS, both), traits });
      await there(key.slice('shop/'.length));
      await east.quiet();
    }
    const settled = east.writes.length;
    doubt();
    await east.until('it asked once more', () => east.writes.length > settled);
    await east.quiet();
    assert.equal((await imported('cart'))?.spec.trafficDistribution, undefined);
    assert.ok(east.writes.length - settled <= 8, `one object shows it: ${east.writes.slice(settled)}`);
    assert.deepEqual(east.problems, []);

    assert.ok(newest !== undefined);
    const { name } = newest.metadata;
    const { metadata } = (await east.admin.get(DEFINITIONS, { name })) as KubeObject;
    await east.admin.update(DEFINITIONS, { ...newest, metadata } as never);
    for (const each of ['payments', 'cart']) {
      await east.until(`${each} has it`, async () => {
        doubt();
        const { spec, status } = (await imported(each)) ?? {};
        return spec?.trafficDistribution === 'PreferClose' && status?.conditions !== undefined;
      });
    }
  });

  it('what is put right in a Service or a slice leaves others their labels', async (t) => {
    const east = await McsCluster.start(t, 'east');
    await east.namespace('shop');
    east.view.set(KEY, clustersetService(KEY, PORTS, both));
    await east.run();
    const service = () => east.get<Found>(SERVICES, 'shop', derivedName(payments));
    const slice = () => east.get<Found>(ENDPOINT_SLICES, 'shop', sliceName(payments, 'east', 'IPv4'));
    await east.until(
      'both are there',
      async () => (await service()) !== undefined && (await slice()) !== undefined,
    );
    await east.quiet();
    const [one, other] = [await service(), await slice()];
    assert.ok(one !== undefined && other !== undefined);
    const theirs = (found: Found, more: Record<string, string>) => ({
      ...found.metadata,
      labels: { ...found.metadata.labels, theirs: 'yes', ...more },
    });
    await east.admin.update(SERVICES, {
      ...one,
      metadata: theirs(one, {}),
      spec: { ...one.spec, selector: { app: 'x' } },
    } as never);
    await east.admin.update(ENDPOINT_SLICES, {
      ...other,
      metadata: theirs(other, { 'service.kubernetes.io/headless': '' }),
    } as never);
    await east.until('the selector is gone', async () => (await service())?.spec.selector === undefined);
    const headless = async () => 'service.kubernetes.io/headless' in ((await slice())?.metadata.labels ?? {});
    await east.until('the label that means something is gone', async () => !(await headless()));
    await east.quiet();
    assert.equal((await service())?.metadata.labels.theirs, 'yes');
    assert.equal((await slice())?.metadata.labels.theirs, 'yes');
  });
});
