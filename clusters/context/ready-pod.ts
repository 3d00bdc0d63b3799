import { UserError } from '../../federation/model/user-error.ts';
import type { PodSight } from './pod-sight.ts';

/** The first of the federation service's pods that is ready. @throws UserError with why none is */
export function readyPod(
  pods: readonly PodSight[],
  { context, flags }: { readonly context: string; readonly flags: string },
): PodSight {
  const ready = pods.find((pod) => pod.ready);
  if (ready !== undefined) return ready;
  const why = pods.map(({ name, problem }) => `${name}: ${problem}`).join('; ');
  const reason = pods.length === 0 ? 'there is none' : why;
  throw new UserError(`context ${context}: no pod of the federation service is ready: ${reason}`, {
    hint: `isthmus cluster check ${flags} says what to do`,
  });
}
