import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { resourceType } from '../kubernetes/resource-type.ts';
import type { OpenRelease } from './open-release.ts';
import { readyPod } from './ready-pod.ts';

const LEASES = resourceType('coordination.k8s.io', 'v1', 'leases');
const lease = z.object({ spec: z.object({ holderIdentity: z.string().optional() }) });

/** The pod of the replica that publishes, or one that is ready where nobody leads. @throws UserError */
export async function leadingPod({ site, release }: OpenRelease): Promise<string> {
  const all = await site.pods(release, 'federation');
  const pods = all.filter(({ ready }) => ready);
  const first = readyPod(all, site);
  if (pods.length === 1) return first.name;
  const holder = await leaseHolder({ site, release });
  // `<pod>_<uuid>`; a pod's name has no underscore.
  return pods.find(({ name }) => name === holder?.split('_')[0])?.name ?? first.name;
}

async function leaseHolder({ site, release }: OpenRelease): Promise<string | undefined> {
  const { namespace, electionLease: name } = release;
  try {
    return lease.parse(await site.client.get(LEASES, { namespace, name })).spec.holderIdentity;
  } catch (failure) {
    if (KubeError.isNotFound(failure)) return undefined;
    if (!(failure instanceof KubeError)) throw failure;
    throw new UserError(`context ${site.context}: ${failure.message}`, {
      hint: `the context must be allowed to get Leases in ${namespace}`,
      cause: failure,
    });
  }
}
