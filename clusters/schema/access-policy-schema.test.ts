import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVERY_REQUEST } from '../../federation/model/policy.ts';
import { goodResource, resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { toAccessPolicies } from './access-policy-schema.ts';
import { toPeerRule } from './cluster-peer-schema.ts';

function object(kind: string, spec: string, metadata = '{ name: p, namespace: shop }'): string {
  return `apiVersion: isthmus.io/v1alpha1\nkind: ${kind}\nmetadata: ${metadata}\nspec: ${spec}\n`;
}

function rules(...given: string[]): string {
  const targets = 'targetRefs: [{ kind: Service, name: cart }, { kind: Service, name: till }]';
  return object('AccessPolicy', `{ ${targets}, rules: [${given.join()}] }`);
}

const MANY = Array.from({ length: 101 }, () => '{ action: Allow }');
const NAME = 'is not a name of at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit';
const PRINCIPAL = 'is not a SPIFFE ID, or the beginning of one followed by *';

describe('an AccessPolicy', () => {
  const refused: readonly (readonly [string, string])[] = [
    [rules(), '4: spec.rules: must have at least 1 item'],
    [rules(...MANY), '4: spec.rules: has more than 100 rules'],
    [rules('{ action: allow }'), '4: spec.rules.0.action: must be one of Allow, Deny'],
    [rules('{}'), '4: spec.rules.0.action: is missing (one of Allow, Deny)'],
    [rules('{ action: Allow, principals: [cart] }'), `4: spec.rules.0.principals.0: ${PRINCIPAL}`],
    [
      rules('{ action: Allow, principals: ["spiffe://*/ns/a"] }'),
      `4: spec.rules.0.principals.0: ${PRINCIPAL}`,
    ],
    [rules('{ action: Allow, sourceClusters: [West] }'), `4: spec.rules.0.sourceClusters.0: ${NAME}`],
    [rules('{ action: Allow, methods: [get] }'), '4: spec.rules.0.methods.0: is not a method such as GET'],
    [
      rules('{ action: Allow, pathPrefixes: [api] }'),
      '4: spec.rules.0.pathPrefixes.0: is not a path that begins with /',
    ],
    [rules('{ action: Deny, method: [GET] }'), '4: spec.rules.0.method: unknown key [did you mean methods?]'],
  ];
  for (const [text, problem] of refused) {
    it(`is refused: ${problem}`, () => assert.deepEqual(resourceProblems(text), [problem]));
  }

  it('gives its rules to each of its targets', () => {
    const text = rules('{ action: Deny, principals: ["spiffe://west.mesh.example/*"], methods: [PUT] }');
    const policies = toAccessPolicies(goodResource('AccessPolicy', text));
    const rule = {
      ...EVERY_REQUEST,
      action: 'deny',
      principals: ['spiffe://west.mesh.example/*'],
      methods: ['PUT'],
      origin: { policy: 'shop/p', rule: 0 },
    };
    assert.deepEqual(policies, [
      { target: { namespace: 'shop', name: 'cart' }, rules: [rule] },
      { target: { namespace: 'shop', name: 'till' }, rules: [rule] },
    ]);
  });
});

describe('an AccessPolicy that names callers', () => {
  it('takes service accounts of its own namespace by name alone', () => {
    const text = rules(
      '{ action: Allow, namespaces: [shop, bank], serviceAccounts: [cart, bank/till], paths: [/shop.Cart/Get] }',
    );
    const [first] = toAccessPolicies(goodResource('AccessPolicy', text));
    assert.deepEqual(first?.rules, [
      {
        ...EVERY_REQUEST,
        action: 'allow',
        namespaces: ['shop', 'bank'],
        serviceAccounts: ['shop/cart', 'bank/till'],
        paths: ['/shop.Cart/Get'],
        origin: { policy: 'shop/p', rule: 0 },
      },
    ]);
  });

  it('audits all its rules or none', () => {
    const text = rules('{ action: Deny }, { action: Allow, methods: [GET] }').replace(
      'rules:',
      'mode: Audit, rules:',
    );
    const [first] = toAccessPolicies(goodResource('AccessPolicy', text));
    assert.deepEqual(
      first?.rules.map(({ mode, origin }) => [mode, origin?.rule]),
      [
        ['audit', 0],
        ['audit', 1],
      ],
    );
  });
});

describe('a ClusterPeer', () => {
  const refused: readonly (readonly [string, string])[] = [
    [object('ClusterPeer', '{}', '{ name: a.b }'), `3: metadata.name: ${NAME}`],
    [
      object('ClusterPeer', '{ allowedNamespaces: [A] }', '{ name: west }'),
      `4: spec.allowedNamespaces.0: ${NAME}`,
    ],
    [
      object('ClusterPeer', '{ namespaces: [a] }', '{ name: west }'),
      '4: spec.namespaces: unknown key [known keys here: trustDomain, gateways, allowedNamespaces, drain]',
    ],
  ];
  for (const [text, problem] of refused) {
    it(`is refused: ${problem}`, () => assert.deepEqual(resourceProblems(text), [problem]));
  }

  it('allows every namespace unless it names some; naming none allows none', () => {
    const allowed = (spec: string): readonly string[] | undefined =>
      toPeerRule(goodResource('ClusterPeer', object('ClusterPeer', spec, '{ name: west }')))
        .allowedNamespaces;
    assert.equal(allowed('{}'), undefined);
    assert.deepEqual(allowed('{ allowedNamespaces: [shop] }'), ['shop']);
    assert.deepEqual(allowed('{ allowedNamespaces: [] }'), []);
  });
});
