import { isDeepStrictEqual } from 'node:util';
import { MESH_CONTROLLER, ROUTE_BOUNDS, type RouteParent } from '../../../federation/model/mesh-route.ts';
import { datedConditions, type ObjectCondition, type WantedCondition } from '../mcs/conditions.ts';
import type { ParentVerdict } from './status-view.ts';

/** A parent of a route that is ours to speak of. */
export interface OwnParent {
  /** As `spec.parentRefs` has it. */
  readonly ref: Readonly<Record<string, unknown>>;
  /** undefined where it names a port by what is no name of one. */
  readonly parent: RouteParent | undefined;
}

/** An entry of `status.parents`, as far as it is read. */
export interface ParentEntry {
  readonly controllerName: string;
  readonly parentRef: Readonly<Record<string, unknown>>;
  readonly conditions: readonly ObjectCondition[];
  /** All of it. */
  readonly raw: unknown;
}

export interface RouteFacts {
  readonly parents: readonly OwnParent[];
  readonly generation: number | undefined;
  /** Why it cannot be read, and what is in force instead. */
  readonly fault: string | undefined;
  readonly verdicts: readonly ParentVerdict[];
}

/**
 * What `status.parents` should be: entries of other controllers as they are, and ours. undefined when ours are as they
 * should be, or a verdict is missing yet.
 * @param nowMs Unix ms
 */
export function routeParents(
  facts: RouteFacts,
  before: readonly ParentEntry[],
  nowMs: number,
): readonly unknown[] | undefined {
  const others = before.filter(({ controllerName }) => controllerName !== MESH_CONTROLLER);
  const ours = before.filter(({ controllerName }) => controllerName === MESH_CONTROLLER);
  const wanted: object[] = [];
  for (const own of facts.parents.slice(0, Math.max(0, ROUTE_BOUNDS.parents - others.length))) {
    const said = conditionsAt(own, facts);
    if (said === undefined) return undefined;
    const earlier = ours.find(({ parentRef }) => isDeepStrictEqual(parentRef, own.ref));
    const conditions = datedConditions(said, earlier?.conditions ?? [], facts.generation, nowMs);
    wanted.push({ parentRef: own.ref, controllerName: MESH_CONTROLLER, conditions });
  }
  const found = ours.map(({ parentRef, controllerName, conditions }) => ({
    parentRef,
    controllerName,
    conditions,
  }));
  return isDeepStrictEqual(found, wanted) ? undefined : [...others.map(({ raw }) => raw), ...wanted];
}

function conditionsAt({ parent }: OwnParent, facts: RouteFacts): readonly WantedCondition[] | undefined {
  if (facts.fault !== undefined) return [no('UnsupportedValue', facts.fault), unread()];
  if (parent === undefined) {
    return [no('NoMatchingParent', 'sectionName is not the name of a port of a service'), unread()];
  }
  const verdict = facts.verdicts.find((one) => isDeepStrictEqual(one.parent, parent));
  return verdict?.conditions.map(({ type, status, reason, message }) => ({
    type,
    status: status ? 'True' : 'False',
    reason,
    message,
  }));
}

function no(reason: string, message: string): WantedCondition {
  return { type: 'Accepted', status: 'False', reason, message };
}

/** The standard asks for both conditions at every parent. */
function unread(): WantedCondition {
  const message = 'its backends are not looked at as long as it is not accepted';
  return { type: 'ResolvedRefs', status: 'Unknown', reason: 'Pending', message };
}
