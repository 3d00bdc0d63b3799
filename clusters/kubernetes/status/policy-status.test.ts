import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PolicyAncestor, type PolicyFacts, policyAncestors } from './policy-status.ts';

const CART = { group: '', kind: 'Service', name: 'cart' };
const TILL = { group: 'multicluster.x-k8s.io', kind: 'ServiceImport', name: 'till' };
const FACTS: PolicyFacts = {
  kind: 'FailoverPolicy',
  namespace: 'shop',
  targets: [CART],
  generation: 3,
  fault: undefined,
  lost: [],
  hasService: () => true,
};
const NOON = Date.UTC(2026, 0, 31, 12);

function decide(changes: Partial<PolicyFacts>, before: readonly PolicyAncestor[] = [], nowMs = NOON) {
  return policyAncestors({ ...FACTS, ...changes }, before, nowMs);
}

function reasons(ancestors: readonly PolicyAncestor[]) {
  return ancestors.map(({ ancestorRef, conditions }) => [
    ancestorRef.name,
    ...conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  ]);
}

test('a policy in force says so at each of its targets', () => {
  const said = decide({ targets: [CART, TILL] });
  assert.deepEqual(reasons(said), [
    ['cart', 'Accepted=True Accepted'],
    ['till', 'Accepted=True Accepted'],
  ]);
  assert.deepEqual(said[1]?.ancestorRef, { ...TILL, namespace: 'shop' });
  assert.equal(said[0]?.controllerName, 'isthmus.io/federation');
  const [condition] = said[0]?.conditions ?? [];
  assert.equal(condition?.observedGeneration, 3);
  assert.equal(condition?.lastTransitionTime, '2026-01-31T12:00:00Z');
});

test('a target that nobody offers is not found, and the other holds', () => {
  const said = decide({ targets: [CART, TILL], hasService: (key) => key === 'shop/till' });
  assert.deepEqual(reasons(said), [
    ['cart', 'Accepted=False TargetNotFound'],
    ['till', 'Accepted=True Accepted'],
  ]);
});

test('the younger of two names the older, and which of its fields holds all the same', () => {
  const lost = [{ target: 'shop/cart', winner: 'shop/first', part: 'upstreamTls' }];
  const said = decide({ lost, targets: [CART, TILL] });
  assert.deepEqual(reasons(said), [
    ['cart', 'Accepted=False Conflicted'],
    ['till', 'Accepted=True Accepted'],
  ]);
  const message = said[0]?.conditions[0]?.message ?? '';
  assert.match(message, /^FailoverPolicy shop\/first is older and holds for shop\/cart/);
  assert.match(message, /its upstreamTls holds/);
});

test('what cannot be used is Invalid at every target, whatever else is so', () => {
  const lost = [{ target: 'shop/cart', winner: 'shop/first', part: undefined }];
  const said = decide({ fault: 'spec.tiers: is empty; the last good version stays', lost });
  assert.deepEqual(reasons(said), [['cart', 'Accepted=False Invalid']]);
  assert.equal(said[0]?.conditions[0]?.message, 'spec.tiers: is empty; the last good version stays');
});

test('what gateways would refuse for one target is Invalid there, and holds at the others', () => {
  const refused = [{ target: 'shop/cart', fault: 'access_json: 1001 items, at most 1000 are allowed' }];
  const said = decide({ kind: 'AccessPolicy', refused, targets: [CART, TILL] });
  assert.deepEqual(reasons(said), [
    ['cart', 'Accepted=False Invalid'],
    ['till', 'Accepted=True Accepted'],
  ]);
  const message = (kind: string) =>
    decide({ kind, refused, targets: [CART] })[0]?.conditions[0]?.message ?? '';
  assert.match(message('AccessPolicy'), /^gateways would refuse it: access_json: 1001 items/);
  assert.match(message('AccessPolicy'), /; what they have .* stays in force, .*nobody may call it$/);
  assert.match(message('FailoverPolicy'), /; what they have for shop\/cart stays in force$/);
});

test('the time of a condition stays as long as its status does', () => {
  const before = decide({});
  const later = NOON + 60_000;
  assert.deepEqual(decide({}, before, later), before);
  const edited = decide({ generation: 4 }, before, later);
  assert.equal(edited[0]?.conditions[0]?.lastTransitionTime, '2026-01-31T12:00:00Z');
  assert.equal(edited[0]?.conditions[0]?.observedGeneration, 4);
  const refused = decide({ fault: 'bad' }, before, later);
  assert.equal(refused[0]?.conditions[0]?.lastTransitionTime, '2026-01-31T12:01:00Z');
});

test('a long message is not cut in the middle of a character, which the API server would replace', () => {
  const [said] = decide({ fault: `${'x'.repeat(1999)}😀` });
  assert.equal(said?.conditions[0]?.message, 'x'.repeat(1999));
  const whole = `${'x'.repeat(1998)}😀`;
  assert.equal(decide({ fault: whole })[0]?.conditions[0]?.message, whole);
});
