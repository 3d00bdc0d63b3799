import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FlowPort, type FlowSource, letsIn, networkPolicy } from './network-flow.ts';

const WEB = { namespace: 'shop', labels: { app: 'web' } };
const AT: FlowPort = { number: 8080, name: 'http' };
const policy = (spec: object): object => ({ metadata: { name: 'web', namespace: 'shop' }, spec });
const ingress = (...rules: readonly object[]): object =>
  policy({ podSelector: {}, policyTypes: ['Ingress'], ingress: rules });

const CASES: readonly (readonly [
  what: string,
  policies: readonly object[],
  from: FlowSource,
  open: boolean,
])[] = [
  ['no policy', [], { address: '203.0.113.7' }, true],
  [
    'a policy for others',
    [policy({ podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['Ingress'] })],
    WEB,
    true,
  ],
  ['a policy of another direction', [policy({ podSelector: {}, policyTypes: ['Egress'] })], WEB, true],
  ['no rule', [ingress()], WEB, false],
  ['an empty rule', [ingress({})], { address: '203.0.113.7' }, true],
  ['another port', [ingress({ ports: [{ port: 80 }] })], WEB, false],
  ['a range of ports', [ingress({ ports: [{ port: 8000, endPort: 8080 }] })], WEB, true],
  ['a port by name', [ingress({ ports: [{ port: 'http' }] })], WEB, true],
  ['a port of UDP', [ingress({ ports: [{ protocol: 'UDP', port: 8080 }] })], WEB, false],
  ['pods of the namespace', [ingress({ from: [{ podSelector: {} }] })], WEB, true],
  [
    'pods of the namespace, for another’s',
    [ingress({ from: [{ podSelector: {} }] })],
    { ...WEB, namespace: 'lab' },
    false,
  ],
  ['any namespace', [ingress({ from: [{ namespaceSelector: {} }] })], { ...WEB, namespace: 'lab' }, true],
  [
    'any namespace, for an address',
    [ingress({ from: [{ namespaceSelector: {} }] })],
    { address: '10.0.0.1' },
    false,
  ],
  [
    'namespace and pod at once',
    [ingress({ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'db' } } }] })],
    WEB,
    false,
  ],
  [
    'an expression',
    [
      ingress({
        from: [{ podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] } }],
      }),
    ],
    WEB,
    false,
  ],
  ['a block', [ingress({ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] })], { address: '10.0.0.1' }, true],
  [
    'what is left out of a block',
    [ingress({ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/24'] } }] })],
    { address: '10.0.0.1' },
    false,
  ],
  ['one of two policies', [ingress(), ingress({})], WEB, true],
];

describe('a flow under NetworkPolicies', () => {
  for (const [what, policies, from, open] of CASES) {
    it(`is ${open ? 'open' : 'closed'} by ${what}`, () => {
      assert.equal(
        letsIn(
          policies.map((each) => networkPolicy.parse(each)),
          from,
          WEB,
          AT,
        ),
        open,
      );
    });
  }
});
