import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE } from '../isthmus-release.ts';

export const SHOP_URL = 'http://shop.default.svc.clusterset.local/';

const node = '/usr/local/bin/node';
const securityContext = { runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false };

/** A program of this folder in a pod of the project's own image, which has Node. */
function programPod(program: string, args: readonly string[]): Readonly<Record<string, unknown>> {
  return {
    volumes: [{ name: 'program', configMap: { name: program } }],
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: program,
        image: `${IMAGE.repository}:${IMAGE.tag}`,
        imagePullPolicy: 'Never',
        command: [node, `/program/${program}.mts`, ...args],
        env: [{ name: 'CLUSTER', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        volumeMounts: [{ name: 'program', mountPath: '/program' }],
        securityContext,
      },
    ],
  };
}

/** By a name that says that it is a module: there is no package.json beside it. */
function programFile(program: string): Readonly<Record<string, unknown>> {
  const text = readFileSync(join(import.meta.dirname, `${program}.ts`), 'utf8');
  return configMap(program, { [`${program}.mts`]: text });
}

function configMap(name: string, data: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

function list(...items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

/** `shop`: a Deployment of two pods that answer with `CLUSTER POD`, its Service, and its export. */
export function shopManifests(): string {
  const labels = { app: 'shop' };
  const spec = programPod('shop', []);
  return list(
    programFile('shop'),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop' },
      spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop' },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' }] },
    },
    {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceExport',
      metadata: { name: 'shop' },
    },
  );
}

/** The pod `load`, which begins at once. */
export function loadManifests(requestsPerSecond: number): string {
  const spec = { ...programPod('load', [SHOP_URL, `${requestsPerSecond}`]), restartPolicy: 'Never' };
  return list(programFile('load'), { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'load' }, spec });
}
