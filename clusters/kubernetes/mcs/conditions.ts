import { z } from 'zod';

/** A condition as it should be, without its time. */
export interface WantedCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** `metav1.Condition` */
export interface ObjectCondition extends WantedCondition {
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number | undefined;
}

const MAX_MESSAGE_LENGTH = 2000;

/** Conditions that somebody wrote. What is none is left out. */
export const readConditions = z
  .array(z.unknown())
  .nullish()
  .transform((found) =>
    (found ?? []).map((one) => condition.safeParse(one).data).filter((one) => one !== undefined),
  );

const condition = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().default(''),
  message: z.string().default(''),
  lastTransitionTime: z.string().default(''),
  observedGeneration: z.int().optional(),
});

/**
 * The conditions with their times: one that has the status that it had before keeps the time of then.
 * @param nowMs Unix ms
 */
export function datedConditions(
  wanted: readonly WantedCondition[],
  before: readonly ObjectCondition[],
  generation: number | undefined,
  nowMs: number,
): readonly ObjectCondition[] {
  return wanted.map((one) => {
    const earlier = before.find(({ type }) => type === one.type);
    const kept = earlier?.status === one.status && earlier.lastTransitionTime !== '';
    // Kubernetes' times have no fractions of a second.
    const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
    return {
      type: one.type,
      status: one.status,
      reason: one.reason,
      message: cut(one.message),
      lastTransitionTime: kept ? earlier.lastTransitionTime : now,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
  });
}

/** Half a character comes back from the API server as another one, and would be written again and again. */
function cut(message: string): string {
  return message
    .slice(0, MAX_MESSAGE_LENGTH)
    .replace(/[\uD800-\uDBFF]$/, '')
    .toWellFormed();
}

/** Whether those conditions are there, as they should be; others beside them are somebody else's. */
export function hasConditions(
  found: readonly ObjectCondition[],
  wanted: readonly ObjectCondition[],
): boolean {
  return wanted.every((one) =>
    found.some(
      (other) =>
        other.type === one.type &&
        other.status === one.status &&
        other.reason === one.reason &&
        other.message === one.message &&
        other.observedGeneration === one.observedGeneration,
    ),
  );
}
