import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { serveClustersetNames } from '../coredns-corefile.ts';
import type { KubeCluster } from '../kube-cluster.ts';
import { webExport } from '../web-manifests.ts';
import { answerFrom, wget } from './calls.ts';
import type { JourneyScene } from './scene.ts';

const IMPORT_WITHIN_MS = 5_000;
const OF_WEB = 'multicluster.kubernetes.io/service-name=web';

const imported = z.object({
  items: z.array(
    z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('ServiceImport'),
        spec: z.object({ ips: z.array(z.string()).default([]) }),
      }),
      z.object({ kind: z.literal('Service'), spec: z.object({ clusterIP: z.string().optional() }) }),
      z.object({ kind: z.literal('EndpointSlice'), endpoints: z.array(z.unknown()).nullish() }),
    ]),
  ),
});

/** From an export to an answer by the name of the clusterset. */
export function namingSteps(scene: JourneyScene): void {
  it('imports in one cluster within 5 s what the other exports', async () => {
    const { east, west } = scene;
    const startMs = performance.now();
    await west.apply(webExport);
    await east.until('the import, its Service and its slices', () => importStands(east));
    const tookMs = Math.round(performance.now() - startMs);
    console.log(`export in west -> import, derived Service and slices in east: ${tookMs} ms`);
    assert.ok(tookMs <= IMPORT_WITHIN_MS, `${tookMs} ms`);
  });

  it('answers a pod that calls the name of the clusterset', async () => {
    const { east } = scene;
    await serveClustersetNames(east);
    assert.match(await east.until('an answer', () => wget(east)), / in west\n$/);
  });
}

/** What it is when both have it, and how one stands in for the other. */
export function sharedServiceSteps(scene: JourneyScene): void {
  it('shows the session affinity of the Service, and tells both clusters where only one of them has it', async () => {
    const { east, west } = scene;
    await west.kubectl(['patch', 'service/web', '-p', '{"spec": {"sessionAffinity": "ClientIP"}}']);
    const shown = 'jsonpath={.spec.sessionAffinity}=ClientIP';
    await east.kubectl(['wait', 'serviceimport/web', `--for=${shown}`, '--timeout=30s']);
    await east.apply(webExport);
    for (const cluster of [east, west]) {
      await cluster.kubectl(['wait', 'serviceexport/web', '--for=condition=Conflict', '--timeout=30s']);
      const { status } = conflicting.parse(await cluster.get('serviceexport', 'web'));
      assert.match(
        status.conditions.find(({ type }) => type === 'Conflict')?.reason ?? '',
        /SessionAffinity/,
      );
    }
    await west.kubectl(['patch', 'service/web', '-p', '{"spec": {"sessionAffinity": "None"}}']);
    for (const cluster of [east, west]) {
      await cluster.kubectl(['wait', 'serviceexport/web', '--for=condition=Conflict=False', '--timeout=30s']);
    }
  });

  it('answers from the own cluster while it has the service, and from the other when it has not', async () => {
    const { east } = scene;
    await east.apply(webExport);
    await answerFrom(east, 'east');
    await east.kubectl(['scale', 'deployment/web', '--replicas=0']);
    await answerFrom(east, 'west');
    // Seen again at the end: a cluster that failed gets traffic back 30 s after.
    await east.kubectl(['scale', 'deployment/web', '--replicas=2']);
  });
}

const conflicting = z.object({
  status: z.object({ conditions: z.array(z.object({ type: z.string(), reason: z.string() })) }),
});

/** True = pods can reach what `web` names: the import has the derived Service's address, and that has endpoints. */
async function importStands(cluster: KubeCluster): Promise<true | undefined> {
  const kinds = 'serviceimports,services,endpointslices';
  const { items } = imported.parse(await cluster.get(kinds, '-l', OF_WEB));
  const ips = items.flatMap((item) => (item.kind === 'ServiceImport' ? item.spec.ips : []));
  const addresses = items.flatMap((item) => (item.kind === 'Service' ? [item.spec.clusterIP] : []));
  const endpoints = items.flatMap((item) => (item.kind === 'EndpointSlice' ? (item.endpoints ?? []) : []));
  return ips.length > 0 && addresses.includes(ips[0]) && endpoints.length > 0 ? true : undefined;
}
