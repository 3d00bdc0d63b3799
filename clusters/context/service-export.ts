import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type ServiceName, serviceKey } from '../../federation/model/service.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { type CommandOutput, columns } from '../commands/command-output.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { type ObjectCondition, readConditions } from '../kubernetes/mcs/conditions.ts';
import { apiVersion, SERVICE_EXPORTS, SERVICE_IMPORTS, SERVICES } from '../kubernetes/mcs/mcs-objects.ts';
import type { ResourceType } from '../kubernetes/resource-type.ts';
import { DiscoveredKinds } from './discovered-kinds.ts';
import type { KubernetesSite } from './kubernetes-site.ts';

/** Who set the fields of an export that the command made. */
const FIELD_MANAGER = 'isthmus-command';
const LOOK_MS = 500;

const exportObject = z.object({
  metadata: z.object({ generation: z.int().optional() }),
  status: z.object({ conditions: readConditions }).prefault({}),
});
const importObject = z.object({
  status: z.object({ clusters: z.array(z.object({ cluster: z.string() })).default([]) }).prefault({}),
});

export interface ExportWish {
  readonly service: ServiceName;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** `isthmus service export`: makes the ServiceExport, waits for what becomes of it, and tells who else exports it. */
export async function exportService(
  site: KubernetesSite,
  wish: ExportWish,
  output: CommandOutput,
): Promise<void> {
  const { service } = wish;
  const type = await servedType(site, SERVICE_EXPORTS);
  await requireService(site, service);
  output.progress(`exporting ${serviceKey(service)}`);
  await asked(site, () =>
    site.client.apply(
      type,
      { apiVersion: apiVersion(type), kind: 'ServiceExport', metadata: { ...service } },
      { fieldManager: FIELD_MANAGER },
    ),
  );
  const conditions = await settled(site, type, wish, output);
  const clusters = await exporters(site, service);
  const ready = isTrue(conditions, 'Ready');
  output.result({ service: serviceKey(service), exported: ready, conditions, clusters }, () =>
    [
      `${output.style(ready ? 'green' : 'red', ready ? '✔' : '✖')} ${serviceKey(service)} ${ready ? 'is exported' : 'is not exported yet'}`,
      ...columns(
        conditions.map(({ type: name, status, reason, message }) => [`  ${name}`, status, reason, message]),
      ).split('\n'),
      ...(clusters.length === 0 ? [] : [`  exported by: ${clusters.join(', ')}`]),
    ].join('\n'),
  );
  if (!ready) throw unready(site, conditions, wish);
}

/** `isthmus service unexport`: takes the ServiceExport away. */
export async function unexportService(
  site: KubernetesSite,
  service: ServiceName,
  output: CommandOutput,
): Promise<void> {
  const type = await servedType(site, SERVICE_EXPORTS);
  try {
    await asked(site, () => site.client.delete(type, service));
  } catch (failure) {
    if (!(failure instanceof UserError) || !KubeError.isNotFound(failure.cause)) throw failure;
    throw new UserError(`context ${site.context}: ${serviceKey(service)} is not exported`, {
      hint: `isthmus service list ${site.flags} shows what is`,
    });
  }
  output.result(
    { service: serviceKey(service), exported: false },
    () => `${output.style('green', '✔')} ${serviceKey(service)} is no longer exported`,
  );
}

/** Until the conditions say what becomes of it, or the time is over: then as they are. */
async function settled(
  site: KubernetesSite,
  type: ResourceType,
  { service, timeoutMs, signal }: ExportWish,
  output: CommandOutput,
): Promise<readonly ObjectCondition[]> {
  const endsMs = performance.now() + timeoutMs;
  let told = '';
  for (;;) {
    const { metadata, status } = exportObject.parse(await asked(site, () => site.client.get(type, service)));
    // What was said of an earlier version of the export is old.
    const conditions = status.conditions.filter(
      ({ observedGeneration }) =>
        observedGeneration === undefined || observedGeneration === metadata.generation,
    );
    const refused = conditions.some(({ type: name, status: said }) => name === 'Valid' && said === 'False');
    if (refused || isTrue(conditions, 'Ready') || performance.now() > endsMs) return conditions;
    const reason =
      conditions.find(({ type: name }) => name === 'Ready')?.message ?? 'nobody looked at it yet';
    if (reason !== told) output.progress(`not yet: ${reason}`);
    told = reason;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function isTrue(conditions: readonly ObjectCondition[], name: string): boolean {
  return conditions.some(({ type, status }) => type === name && status === 'True');
}

function unready(
  site: KubernetesSite,
  conditions: readonly ObjectCondition[],
  { service, timeoutMs }: ExportWish,
): UserError {
  const check = `isthmus cluster check ${site.flags}`;
  const invalid = conditions.find(({ type, status }) => type === 'Valid' && status === 'False');
  if (invalid !== undefined) {
    return new UserError(`${serviceKey(service)} cannot be exported: ${invalid.message}`, {
      hint: `mend the Service, or take the export back: isthmus service unexport ${serviceKey(service)} ${site.flags}`,
    });
  }
  const why = conditions.find(({ type }) => type === 'Ready')?.message;
  return new UserError(
    `${serviceKey(service)} is not exported after ${timeoutMs / 1_000} s: ${why ?? 'nobody looked at the ServiceExport'}`,
    {
      hint: `the ServiceExport stays; is the cluster a member, and its federation service ready? ${check}`,
      exitCode: 3,
    },
  );
}

async function requireService(site: KubernetesSite, service: ServiceName): Promise<void> {
  try {
    await asked(site, () => site.client.get(SERVICES, service));
  } catch (failure) {
    if (!(failure instanceof UserError) || !KubeError.isNotFound(failure.cause)) throw failure;
    throw new UserError(`context ${site.context}: there is no Service ${serviceKey(service)}`, {
      hint: `kubectl ${site.flags} get services --all-namespaces lists those that there are`,
    });
  }
}

async function exporters(site: KubernetesSite, service: ServiceName): Promise<readonly string[]> {
  const type = await new DiscoveredKinds(site.client).firstOf(SERVICE_IMPORTS);
  if (type === undefined) return [];
  try {
    const found = importObject.parse(await site.client.get(type, service));
    return found.status.clusters.map(({ cluster }) => cluster);
  } catch (failure) {
    if (KubeError.isNotFound(failure)) return [];
    throw failure;
  }
}

async function servedType(site: KubernetesSite, types: readonly ResourceType[]): Promise<ResourceType> {
  const type = await asked(site, () => new DiscoveredKinds(site.client).firstOf(types));
  if (type !== undefined) return type;
  throw new UserError(`context ${site.context}: the cluster does not know ServiceExports`, {
    hint: 'helm install of the chart brings them (crds.mcs.install)',
  });
}

async function asked<T>(site: KubernetesSite, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (failure) {
    if (!(failure instanceof KubeError)) throw failure;
    throw new UserError(`context ${site.context}: ${failure.message}`, {
      hint:
        failure.status === 403
          ? 'the context must be allowed to get Services and to get, patch and delete ServiceExports there'
          : `see whether kubectl ${site.flags} get nodes works from here`,
      cause: failure,
    });
  }
}
