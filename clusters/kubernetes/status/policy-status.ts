import { serviceKey } from '../../../federation/model/service.ts';
import { datedConditions, type ObjectCondition, type WantedCondition } from '../mcs/conditions.ts';
import type { LostTarget, RefusedTarget } from './status-view.ts';

/** Who writes, in the status of policies. */
export const POLICY_CONTROLLER = 'isthmus.io/federation';

/** As `spec.targetRefs` has it. */
export interface PolicyTarget {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

/** Gateway API's PolicyAncestorStatus (GEP-713). */
export interface PolicyAncestor {
  readonly ancestorRef: PolicyTarget & { readonly namespace: string };
  readonly controllerName: string;
  readonly conditions: readonly ObjectCondition[];
}

export interface PolicyFacts {
  readonly kind: string;
  readonly namespace: string;
  readonly targets: readonly PolicyTarget[];
  readonly generation: number | undefined;
  /** Why it cannot be used, and what is in force instead; undefined when it can. */
  readonly fault: string | undefined;
  readonly lost: readonly LostTarget[];
  readonly refused?: readonly RefusedTarget[];
  readonly hasService: (key: string) => boolean;
}

/**
 * What the status of a policy says: at each target, whether it is in force there.
 * @param before what it says already: times of what stays are kept
 * @param nowMs Unix ms
 */
export function policyAncestors(
  facts: PolicyFacts,
  before: readonly PolicyAncestor[],
  nowMs: number,
): readonly PolicyAncestor[] {
  const { namespace, targets, generation } = facts;
  return targets.map((target) => {
    const ancestorRef = { ...target, namespace };
    const earlier = before.find((one) => isSameTarget(one.ancestorRef, ancestorRef));
    const wanted = [accepted(target, facts)];
    const conditions = datedConditions(wanted, earlier?.conditions ?? [], generation, nowMs);
    return { ancestorRef, controllerName: POLICY_CONTROLLER, conditions };
  });
}

function isSameTarget(one: PolicyAncestor['ancestorRef'], other: PolicyAncestor['ancestorRef']): boolean {
  return one.group === other.group && one.kind === other.kind && one.name === other.name;
}

function accepted({ name }: PolicyTarget, facts: PolicyFacts): WantedCondition {
  const { kind, namespace, fault, lost, refused = [], hasService } = facts;
  const no = (reason: string, message: string): WantedCondition => ({
    type: 'Accepted',
    status: 'False',
    reason,
    message,
  });
  if (fault !== undefined) return no('Invalid', fault);
  const key = serviceKey({ namespace, name });
  if (!hasService(key)) {
    return no(
      'TargetNotFound',
      `no cluster of the clusterset offers ${key}: it has no effect until a ServiceExport does`,
    );
  }
  const conflict = lost.find(({ target }) => target === key);
  if (conflict !== undefined) {
    const { winner, part } = conflict;
    const also = part === undefined ? '' : ` Of this one its ${part} holds all the same.`;
    return no(
      'Conflicted',
      `${kind} ${winner} is older and holds for ${key}: name each service in one ${kind} only.${also}`,
    );
  }
  const refusal = refused.find(({ target }) => target === key);
  if (refusal !== undefined) {
    const closed = kind === 'AccessPolicy' ? ', and while they have nothing of it nobody may call it' : '';
    return no(
      'Invalid',
      `gateways would refuse it: ${refusal.fault}; what they have for ${key} stays in force${closed}`,
    );
  }
  const message = 'it is in force in the gateways of this cluster';
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message };
}
