import type { KubeClient } from '../../../clusters/kubernetes/kube-client.ts';
import { type ServicePlan, serviceObjects } from './service-objects.ts';

/** Requests under way. */
const WRITERS = 16;
const TOLD_EVERY = 1000;

/** Writes the services' objects straight into an API server. */
export async function fillApi(
  client: KubeClient,
  plans: readonly ServicePlan[],
  progress: (written: number) => void = () => undefined,
): Promise<void> {
  let next = 0;
  let written = 0;
  const write = async (): Promise<void> => {
    for (let plan = plans[next++]; plan !== undefined; plan = plans[next++]) {
      for (const [type, object] of serviceObjects(plan)) await client.create(type, object);
      written++;
      if (written % TOLD_EVERY === 0) progress(written);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}
