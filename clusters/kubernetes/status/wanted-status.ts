import { isDeepStrictEqual } from 'node:util';
import { peerStatus } from './peer-status.ts';
import { policyAncestors } from './policy-status.ts';
import { routeParents } from './route-status.ts';
import { idOf, placeOf, type StatusObject } from './status-object.ts';
import type { StatusSight } from './status-view.ts';

/** What is to be written into the status of an object. */
export interface WantedStatus {
  readonly status: Readonly<Record<string, unknown>>;
  /** Only into the version that was read, for others write into the same list. */
  readonly exactVersion: boolean;
}

/**
 * What the status of an object should be; undefined when it is so, or when that is not known yet.
 * @param complete everything that there is has been known at one time
 * @param nowMs Unix ms
 */
export function wantedStatus(
  object: StatusObject,
  sight: StatusSight,
  complete: boolean,
  nowMs: number,
): WantedStatus | undefined {
  if (object.about === 'peer') {
    const { name, generation } = object;
    const isOwn = name === sight.local;
    const facts = {
      peer: sight.peerOf(name),
      drain: sight.drainOf(name),
      isOwn,
      distrust: sight.distrustOf(name),
      fault: faultOf(object, sight),
      generation,
      sight,
    };
    const status = peerStatus(facts, object.status, nowMs);
    return status && { status: { ...status }, exactVersion: false };
  }
  const fault = faultOf(object, sight);
  // The provider has not read this version yet; it will tell when it has.
  const isCurrent = sight.generationOf(idOf(object)) === object.generation;
  if (fault === undefined && !(complete && (isCurrent || isNobodys(object)))) return undefined;
  return object.about === 'policy'
    ? policyStatus(object, fault, sight, nowMs)
    : routeStatus(object, fault, sight, nowMs);
}

/** A route of other controllers alone, in which at most an entry of ours is left. */
function isNobodys(object: StatusObject): boolean {
  return object.about === 'route' && object.parents.length === 0;
}

function policyStatus(
  object: Extract<StatusObject, { about: 'policy' }>,
  fault: string | undefined,
  sight: StatusSight,
  nowMs: number,
): WantedStatus | undefined {
  const { kind, namespace = '', targets, generation } = object;
  const lost = sight.lostTargetsOf(idOf(object));
  const hasService = (key: string): boolean => sight.hasService(key);
  const refused = sight.refusedTargetsOf(idOf(object));
  const facts = { kind, namespace, targets, generation, fault, lost, refused, hasService };
  const ancestors = policyAncestors(facts, object.ancestors, nowMs);
  return isDeepStrictEqual(ancestors, object.ancestors)
    ? undefined
    : { status: { ancestors }, exactVersion: false };
}

function routeStatus(
  object: Extract<StatusObject, { about: 'route' }>,
  fault: string | undefined,
  sight: StatusSight,
  nowMs: number,
): WantedStatus | undefined {
  const { parents: own, entries, generation } = object;
  const facts = { parents: own, generation, fault, verdicts: sight.verdictsOf(idOf(object)) };
  const parents = routeParents(facts, entries, nowMs);
  return parents && { status: { parents }, exactVersion: true };
}

function faultOf({ kind, namespace, name, fault }: StatusObject, sight: StatusSight): string | undefined {
  if (fault === undefined) return undefined;
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  const hint = sight.problemsAt(placeOf(kind, key)).at(-1)?.hint;
  return hint === undefined ? fault : `${fault}; ${hint}`;
}
