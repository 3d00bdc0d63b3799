import { z } from 'zod';

export interface PodSight {
  readonly name: string;
  readonly ready: boolean;
  /** Its program runs, so that it can be asked: also one that is not ready may say why. */
  readonly running: boolean;
  readonly restarts: number;
  /** Why it is not ready, where Kubernetes says so. */
  readonly problem: string | undefined;
}

const state = z.object({ reason: z.string().optional(), message: z.string().optional() });
const ended = state.extend({ exitCode: z.int().optional() });

const pod = z.object({
  metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
  status: z.object({
    phase: z.string().default(''),
    conditions: z
      .array(z.object({ type: z.string(), status: z.string(), message: z.string().optional() }))
      .default([]),
    containerStatuses: z
      .array(
        z.object({
          restartCount: z.int().default(0),
          state: z
            .object({
              waiting: state.optional(),
              terminated: ended.optional(),
              running: z.object({}).optional(),
            })
            .prefault({}),
          lastState: z.object({ terminated: ended.optional() }).prefault({}),
        }),
      )
      .default([]),
  }),
});

type Pod = z.infer<typeof pod>;

/** Of pods as the API gives them; those that end are no longer counted. @throws ZodError */
export function podSights(objects: readonly unknown[]): readonly PodSight[] {
  return z
    .array(pod)
    .parse(objects)
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((each) => ({
      name: each.metadata.name,
      ready: isReady(each),
      running:
        isReady(each) || each.status.containerStatuses.some(({ state: now }) => now.running !== undefined),
      restarts: each.status.containerStatuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
      problem: isReady(each) ? undefined : problemOf(each),
    }));
}

function isReady({ status }: Pod): boolean {
  return status.conditions.some(({ type, status: said }) => type === 'Ready' && said === 'True');
}

/** What a container waits for says more than that it is not ready, and a pod that found no node has no container. */
function problemOf({ status }: Pod): string {
  for (const { state: now, lastState } of status.containerStatuses) {
    const why = now.waiting ?? now.terminated;
    if (why?.reason === undefined) continue;
    const said = [why.reason, why.message].filter((text) => text).join(': ');
    // That it waits before it starts again does not say why it ended.
    return now.waiting === undefined ? said : [said, ...endOf(lastState.terminated)].join('; ');
  }
  const unmet = status.conditions.find(({ status: said, message }) => said === 'False' && message);
  return unmet?.message ?? (status.phase || 'not ready');
}

function endOf(last: z.infer<typeof ended> | undefined): readonly string[] {
  if (last === undefined) return [];
  const code = last.exitCode === undefined ? '' : ` with exit code ${last.exitCode}`;
  return [`it ended before${code} (${[last.reason, last.message].filter((text) => text).join(': ')})`];
}
