import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { serveClustersetNames } from '../coredns-corefile.ts';
import { installRelease, isthmusIn } from '../isthmus-release.ts';
import type { KubeCluster } from '../kube-cluster.ts';
import type { BuiltSuite } from './suite-build.ts';

/** The suite's: where its Services are. */
const NAMESPACE = 'gateway-conformance-mesh';
const CLUSTERSET = 'mesh.example';

const named = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });
const condition = z.object({ type: z.string(), status: z.string() });
const imported = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({ conditions: z.array(condition).default([]) }),
    }),
  ),
});

/**
 * Makes a cluster a mesh as Isthmus understands it: a clusterset of one, the suite's Services exported, and their names led
 * to what was imported of them.
 * @param image Isthmus' own, as a docker archive
 * @param suite whose pods stand and are ready in the end
 */
export async function makeMesh(cluster: KubeCluster, image: string, suite: BuiltSuite): Promise<void> {
  await cluster.load(image);
  await cluster.load(suite.echoImage);
  await installRelease(cluster, { store: true });
  await isthmusIn(cluster, ['cluster', 'init', cluster.name, '--clusterset', CLUSTERSET]);
  await cluster.apply(readFileSync(suite.meshManifest, 'utf8'));
  const services = await servicesOf(cluster);
  await cluster.apply(services.map(exportOf).join('\n---\n'));
  await cluster.rolledOut('deployment', {}, '-n', NAMESPACE);
  await cluster.until('imports of all Services', () => areImported(cluster, services));
  await serveClustersetNames(cluster, [namesOfTheClusterset]);
}

/**
 * There is no sidecar that would take requests to a Service on their way: a request comes to a gateway by the name of the
 * clusterset. The suite's pods call `echo` and the like, so CoreDNS answers those with what the clusterset's name has.
 */
const namesOfTheClusterset = [
  `rewrite stop name regex ^([^.]+)\\.${NAMESPACE}\\.svc\\.cluster\\.local\\.?$`,
  `{1}.${NAMESPACE}.svc.clusterset.local answer auto`,
].join(' ');

async function servicesOf(cluster: KubeCluster): Promise<readonly string[]> {
  const { items } = named.parse(await cluster.get('services', '-n', NAMESPACE));
  return items.map(({ metadata }) => metadata.name);
}

function exportOf(name: string): string {
  const apiVersion = 'multicluster.x-k8s.io/v1beta1';
  return JSON.stringify({ apiVersion, kind: 'ServiceExport', metadata: { name, namespace: NAMESPACE } });
}

/** True = gateways have a port for each of them; undefined = not yet. */
async function areImported(cluster: KubeCluster, services: readonly string[]): Promise<true | undefined> {
  const { items } = imported.parse(await cluster.get('serviceimports', '-n', NAMESPACE));
  const ready = items
    .filter(({ status }) => status.conditions.some((one) => one.type === 'Ready' && one.status === 'True'))
    .map(({ metadata }) => metadata.name);
  return services.every((name) => ready.includes(name)) ? true : undefined;
}
