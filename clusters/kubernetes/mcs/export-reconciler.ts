import { parseServiceKey, type ServiceKey } from '../../../federation/model/service.ts';
import { datedConditions, hasConditions } from './conditions.ts';
import { exportConditions } from './export-conditions.ts';
import type { ReconcilerParts } from './import-reconciler.ts';
import { apiVersion } from './mcs-objects.ts';
import type { McsClient } from './owned-objects.ts';

/** Makes the status of one ServiceExport say what is so. */
export async function reconcileExport(
  { view, objects, clock }: ReconcilerParts,
  client: McsClient,
  key: ServiceKey,
): Promise<void> {
  const found = objects.exports.get(key);
  if (found === undefined) return;
  const wanted = exportConditions({
    service: objects.services.get(parseServiceKey(key))?.exported,
    fault: found.fault,
    network: view.network,
    progress: view.exportOf(key),
    disputes: view.disputesOf(key),
    wasReady: found.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
  });
  const conditions = datedConditions(wanted, found.conditions, found.generation, clock.now());
  if (hasConditions(found.conditions, conditions)) return;
  const type = objects.exports.type;
  const { name, namespace } = found;
  await client.applyStatus(type, {
    apiVersion: apiVersion(type),
    kind: 'ServiceExport',
    metadata: { name, namespace },
    status: { conditions },
  });
}
