import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { NAMESPACE } from './helm.ts';
import { InstalledChart, missingInstalledChart } from './installed-chart.ts';

const AS = `--as=system:serviceaccount:${NAMESPACE}:isthmus-federation`;
const OURS = { 'app.kubernetes.io/managed-by': 'isthmus' };
const OF_SERVICE = 'kubernetes.io/service-name';

interface Shape {
  readonly name?: string;
  readonly labels?: object;
  readonly spec?: object;
}

function service({ name = 'derived-1', labels = OURS, spec = {} }: Shape): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels },
    spec: { ports: [{ port: 80 }], ...spec },
  };
}

function slice({ name = 'derived-1-west-ipv4', labels = {} }: Shape): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { ...OURS, ...labels } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [{ name: '', port: 15_500, protocol: 'TCP' }],
  };
}

const REFUSED: Readonly<Record<string, readonly [object: object, told: RegExp]>> = {
  'a Service without the label': [service({ labels: {} }), /may write only objects that are labelled/],
  'a Service of another name': [service({ name: 'payments' }), /whose names begin with derived-/],
  'a node port': [service({ spec: { type: 'NodePort' } }), /only Services of type ClusterIP/],
  'a load balancer': [service({ spec: { type: 'LoadBalancer' } }), /only Services of type ClusterIP/],
  'another name in DNS': [
    service({ spec: { type: 'ExternalName', externalName: 'evil.example' } }),
    /only Services of type ClusterIP/,
  ],
  'external addresses': [service({ spec: { externalIPs: ['192.0.2.1'] } }), /no Service with externalIPs/],
  'a selector': [service({ spec: { selector: { app: 'bank' } } }), /no Service with a selector/],
  'a slice of another name': [slice({ name: 'payments-1' }), /whose names begin with derived-/],
  'a slice of another Service': [
    slice({ labels: { [OF_SERVICE]: 'payments' } }),
    /only EndpointSlices of Services whose names begin with derived-/,
  ],
};

const TAKEN: Readonly<Record<string, object>> = {
  'an import’s Service': service({ name: 'derived-2' }),
  'its slice': slice({ name: 'derived-2-west-ipv4', labels: { [OF_SERVICE]: 'derived-2' } }),
  'a headless import’s slice, which is of no Service': slice({ name: 'derived-3-west-ipv4' }),
};

describe('what the federation service may write', { skip: missingInstalledChart() }, () => {
  const suite = InstalledChart.forSuite();
  let chart: InstalledChart;

  before(() => {
    ({ chart } = suite);
    chart.bring({ cluster: { name: 'east' }, uninstall: { cleanUp: false } });
    // A policy is in force a moment after it was made, and so are the rights of whoever it is for; what it says is theirs to
    // tell that ask below.
    for (const object of [service({ name: 'payments' }), slice({ name: 'payments-1' })]) {
      chart.until('a policy refuses', () => {
        chart.attempt(['delete', '--filename=-'], stringify(object));
        return create(object, AS).stderr.includes('ValidatingAdmissionPolicy');
      });
    }
  });

  const create = (object: object, ...args: readonly string[]) =>
    chart.attempt(['create', '--filename=-', ...args], stringify(object));
  const apply = (object: object) =>
    chart.attempt(
      ['apply', '--server-side', '--field-manager=isthmus', '--filename=-', AS],
      stringify(object),
    );

  for (const [what, object] of Object.entries(TAKEN)) {
    it(`is ${what}`, () => {
      const { code, stderr } = create(object, AS);
      assert.equal(code, 0, stderr);
      const removed = chart.attempt(['delete', '--filename=-', AS], stringify(object));
      assert.equal(removed.code, 0, removed.stderr);
    });
  }

  for (const [what, [object, told]] of Object.entries(REFUSED)) {
    it(`is not ${what}, which others may`, () => {
      assert.match(create(object, AS).stderr, told);
      const { code, stderr } = create(object);
      assert.equal(code, 0, stderr);
      chart.kubectl(['delete', '--filename=-'], stringify(object));
    });
  }

  it('is nothing that is somebody else’s', () => {
    assert.equal(create(service({ name: 'derived-theirs', labels: {} })).code, 0);
    const told = /may write only objects that are labelled/;
    assert.match(chart.attempt(['delete', 'service', 'derived-theirs', AS]).stderr, told);
    const take = ['label', 'service', 'derived-theirs', 'app.kubernetes.io/managed-by=isthmus', AS];
    assert.match(chart.attempt(take).stderr, told);
  });

  it('is its own object again as it was, when somebody gave that a selector', () => {
    const own = service({ name: 'derived-4' });
    assert.equal(apply(own).code, 0);
    const patch = `--patch=${JSON.stringify({ spec: { selector: { app: 'bank' } } })}`;
    chart.kubectl(['patch', 'service', 'derived-4', '--type=merge', patch]);
    // To apply leaves what others put there. 422, not 403: the program replaces the object then.
    assert.match(apply(own).stderr, /is invalid: : ValidatingAdmissionPolicy .*no Service with a selector/);
    const replaced = chart.attempt(['replace', '--filename=-', AS], stringify(own));
    assert.equal(replaced.code, 0, replaced.stderr);
    const spec = chart.kubectl(['get', 'service', 'derived-4', '--output=jsonpath={.spec.selector}']);
    assert.equal(spec, '');
  });
});
