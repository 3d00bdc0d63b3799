import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteParent } from '../../../federation/model/mesh-route.ts';
import { type ParentEntry, type RouteFacts, routeParents } from './route-status.ts';
import type { ParentVerdict } from './status-view.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
const REF = { group: '', kind: 'Service', name: 'cart', port: 80 };
const PARENT: RouteParent = {
  kind: 'Service',
  service: { namespace: 'shop', name: 'cart' },
  port: 80,
  sectionName: undefined,
};
const GOOD: ParentVerdict = {
  parent: PARENT,
  conditions: [
    { type: 'Accepted', status: true, reason: 'Accepted', message: 'it governs' },
    { type: 'ResolvedRefs', status: true, reason: 'ResolvedRefs', message: 'all there' },
  ],
};
const FACTS: RouteFacts = {
  parents: [{ ref: REF, parent: PARENT }],
  generation: 2,
  fault: undefined,
  verdicts: [GOOD],
};

interface Written {
  parentRef: Record<string, unknown>;
  controllerName: string;
  conditions: ParentEntry['conditions'];
}

/** As it comes back from the API server. */
function entries(written: readonly unknown[] | undefined): ParentEntry[] {
  return (written ?? []).map((raw) => ({ ...(raw as Written), raw }));
}

function conditions(written: readonly unknown[] | undefined, at = 0): string[] {
  const found = entries(written)[at]?.conditions ?? [];
  return found.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

const theirs = {
  controllerName: 'example.com/gateway-controller',
  parentRef: { name: 'edge', sectionName: 'https' },
  conditions: [],
  extension: { kept: true },
};

test('each parent of ours has an entry of ours, with what the verdict says', () => {
  const written = routeParents(FACTS, [], NOON);
  assert.deepEqual(conditions(written), ['Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs']);
  const [entry] = entries(written);
  assert.equal(entry?.controllerName, 'isthmus.io/mesh-controller');
  assert.deepEqual(entry.parentRef, REF);
  assert.equal(entry.conditions[0]?.observedGeneration, 2);
});

test('what is there already is not written again, and its time stays', () => {
  const before = entries(routeParents(FACTS, [], NOON));
  assert.equal(routeParents(FACTS, before, NOON + 60_000), undefined);
  const edited = entries(routeParents({ ...FACTS, generation: 3 }, before, NOON + 60_000));
  assert.deepEqual(
    edited[0]?.conditions.map((one) => one.lastTransitionTime),
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00Z'],
  );
});

test('entries of other controllers stay as they are, to the last field', () => {
  const before = entries([theirs]);
  const written = routeParents(FACTS, before, NOON);
  assert.equal(written?.length, 2);
  assert.deepEqual(written[0], theirs);
});

test('a route that no longer refers to us loses our entry, and nothing else', () => {
  const before = entries([theirs, ...(routeParents(FACTS, [], NOON) ?? [])]);
  assert.deepEqual(routeParents({ ...FACTS, parents: [], verdicts: [] }, before, NOON), [theirs]);
  assert.equal(routeParents({ ...FACTS, parents: [] }, entries([theirs]), NOON), undefined);
});

test('without a verdict nothing is said', () => {
  assert.equal(routeParents({ ...FACTS, verdicts: [] }, [], NOON), undefined);
});

test('a condition that came to an end goes', () => {
  const partly = { type: 'PartiallyInvalid', status: true, reason: 'UnsupportedValue', message: 'one rule' };
  const verdicts = [{ ...GOOD, conditions: [...GOOD.conditions, partly] }];
  const before = entries(routeParents({ ...FACTS, verdicts }, [], NOON));
  assert.equal(before[0]?.conditions.length, 3);
  assert.equal(conditions(routeParents(FACTS, before, NOON)).length, 2);
});

test('what cannot be read is not accepted, nor is a port by an impossible name', () => {
  const unreadable = routeParents({ ...FACTS, fault: 'rules: too many', verdicts: [] }, [], NOON);
  assert.deepEqual(conditions(unreadable), [
    'Accepted=False UnsupportedValue',
    'ResolvedRefs=Unknown Pending',
  ]);
  const facts = { ...FACTS, parents: [{ ref: { ...REF, sectionName: 'A b' }, parent: undefined }] };
  assert.equal(conditions(routeParents(facts, [], NOON))[0], 'Accepted=False NoMatchingParent');
});

test('there is room for 32 entries, and those of others come first', () => {
  const many = entries(
    Array.from({ length: 32 }, (_, index) => ({ ...theirs, parentRef: { name: `g${index}` } })),
  );
  assert.equal(routeParents(FACTS, many, NOON), undefined);
});
