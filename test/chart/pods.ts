import { z } from 'zod';
import type { Manifest } from './helm.ts';

const mount = z.looseObject({
  name: z.string(),
  mountPath: z.string(),
  readOnly: z.boolean().default(false),
});
const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).default([]),
  ports: z.array(z.looseObject({ name: z.string(), containerPort: z.int() })).default([]),
  resources: z.object({
    requests: z.record(z.string(), z.unknown()).default({}),
    limits: z.record(z.string(), z.unknown()).default({}),
  }),
  securityContext: z.record(z.string(), z.unknown()),
  volumeMounts: z.array(mount).default([]),
});

const podSpec = z.looseObject({
  serviceAccountName: z.string().optional(),
  automountServiceAccountToken: z.boolean(),
  terminationGracePeriodSeconds: z.int().optional(),
  securityContext: z.record(z.string(), z.unknown()),
  initContainers: z.array(container).default([]),
  containers: z.array(container).min(1),
  volumes: z.array(z.looseObject({ name: z.string() })).default([]),
});

export type PodSpec = z.infer<typeof podSpec>;
export type Container = z.infer<typeof container>;

const podObject = z.looseObject({ spec: podSpec });
const workload = z.looseObject({ spec: z.looseObject({ template: z.looseObject({ spec: podSpec }) }) });
const WORKLOADS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'];

/** Every pod that the objects are or make, by `Kind/name`. */
export function pods(found: readonly Manifest[]): ReadonlyMap<string, PodSpec> {
  const specs = new Map<string, PodSpec>();
  for (const each of found) {
    const name = `${each.kind}/${each.metadata.name}`;
    if (each.kind === 'Pod') specs.set(name, podObject.parse(each).spec);
    if (WORKLOADS.includes(each.kind)) specs.set(name, workload.parse(each).spec.template.spec);
  }
  return specs;
}
