import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { CHART, manifests, NAMESPACE } from './helm.ts';
import { InstalledChart, missingInstalledChart } from './installed-chart.ts';
import { pods } from './pods.ts';

/** No controllers here: a Job would never end. */
const EAST = { cluster: { name: 'east' }, uninstall: { cleanUp: false } };
const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-1' },
};
const KINDS = [
  'deployments,services,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies',
  'poddisruptionbudgets,horizontalpodautoscalers,clusterroles,clusterrolebindings',
];
const OURS = 'app.kubernetes.io/instance=isthmus';

describe('chart in a real Kubernetes API', { skip: missingInstalledChart() }, () => {
  const suite = InstalledChart.forSuite();
  let chart: InstalledChart;

  before(async () => {
    ({ chart } = suite);
    chart.apply(NODE);
    const status = { addresses: [{ type: 'InternalIP', address: '10.89.0.11' }] };
    const patch = `--patch=${JSON.stringify({ status })}`;
    chart.kubectl(['patch', 'node', 'node-1', '--subresource=status', '--type=merge', patch]);
    // From another owner, before us.
    chart.kubectl(['create', '--filename', foreignRoutes()]);
    chart.bring(EAST);
  });

  it('leaves a kind alone that another owner brought, and brings the others', () => {
    const crds = chart.labelled(['customresourcedefinitions'], OURS);
    assert.ok(
      crds.some((name) => name.endsWith('/clusterpeers.isthmus.io')),
      crds.join(),
    );
    assert.ok(
      crds.some((name) => name.endsWith('/serviceexports.multicluster.x-k8s.io')),
      crds.join(),
    );
    assert.ok(
      crds.some((name) => name.endsWith('/grpcroutes.gateway.networking.k8s.io')),
      crds.join(),
    );
    assert.ok(!crds.some((name) => name.endsWith('/httproutes.gateway.networking.k8s.io')), crds.join());
  });

  it('puts the try-out store at the address of a node, and makes its certificate for it', () => {
    const said = chart.kubectl(['get', 'configmap', 'isthmus-federation', '--output=yaml']);
    assert.match(said, /rediss:\/\/10\.89\.0\.11:31637/);
    const certificate = new X509Certificate(chart.secret('isthmus-redis')['tls.crt'] ?? '');
    assert.equal(certificate.checkIP('10.89.0.11'), '10.89.0.11');
    assert.ok(certificate.checkHost(`isthmus-redis.${NAMESPACE}.svc`));
  });

  it('tells in its notes what to do next, by the command and by contexts', () => {
    const notes = chart.bring(EAST);
    assert.match(
      notes,
      /isthmus cluster register NAME --context CONTEXT-OF-NAME --with-context CONTEXT-OF-EAST\n/,
    );
    assert.match(notes, /isthmus cluster check --context CONTEXT-OF-EAST\n/);
    assert.match(notes, /The image isthmus:\S+ is in no registry/);
    assert.equal(notes.match(/kubectl .* exec /g)?.length, 1, notes);
    const pushed = chart.bring({ ...EAST, image: { repository: 'registry.example/isthmus' } });
    assert.doesNotMatch(pushed, /is in no registry/);
  });

  it('refuses an image that no registry and no node has, and says how to make it', () => {
    const tell = (...images: readonly string[]): void => {
      const status = { images: images.map((name) => ({ names: [name], sizeBytes: 1 })) };
      const patch = `--patch=${JSON.stringify({ status })}`;
      chart.kubectl(['patch', 'node', 'node-1', '--subresource=status', '--type=merge', patch]);
    };
    tell('registry.k8s.io/pause:3.10', 'docker.io/library/isthmus:0.0.1');
    const { code, stderr } = chart.tryToBring(EAST);
    assert.notEqual(code, 0);
    assert.match(
      stderr,
      /no node has the image isthmus:0\.1\.0: .*\n {2}docker build --tag REGISTRY\/isthmus:0\.1\.0 /,
    );
    for (const image of [{ repository: 'registry.example/isthmus' }, { pullPolicy: 'Never' }]) {
      chart.bring({ ...EAST, image });
    }
    tell('registry.k8s.io/pause:3.10', 'docker.io/library/isthmus:0.1.0');
    chart.bring(EAST);
    // Kubelet tells of no more than 50: it may be there.
    tell(...Array.from({ length: 50 }, (_, i) => `registry.example/app:${i}`));
    chart.bring(EAST);
    tell();
  });

  it('keeps password and certificate over an upgrade', () => {
    const first = chart.secret('isthmus-redis');
    chart.bring({ ...EAST, gateway: { replicas: 3 } });
    assert.deepEqual(chart.secret('isthmus-redis'), first);
    assert.match(chart.kubectl(['get', 'deployment', 'isthmus-gateway', '--output=yaml']), /replicas: 3/);
  });

  it('makes a certificate for another address by the same authority', () => {
    const first = chart.secret('isthmus-redis');
    chart.bring({ ...EAST, store: { tryout: { advertise: 'redis.east.example:6379' } } });
    const second = chart.secret('isthmus-redis');
    assert.deepEqual([second.password, second['ca.crt']], [first.password, first['ca.crt']]);
    const certificate = new X509Certificate(second['tls.crt'] ?? '');
    assert.ok(certificate.checkHost('redis.east.example'));
    assert.ok(certificate.verify(new X509Certificate(second['ca.crt'] ?? '').publicKey));
  });

  it('takes every object again, whatever is switched on', () => {
    for (const values of [
      {
        ...EAST,
        gateway: {
          autoscaling: { enabled: true },
          tlsPassthrough: { enabled: true },
          service: { type: 'NodePort' },
        },
      },
      { ...EAST, federation: { replicas: 3 }, store: { tryout: { persistence: { enabled: true } } } },
    ]) {
      chart.bring(values);
    }
    chart.bring({ ...EAST, gateway: { autoscaling: { enabled: true, targetCpuPercent: 60 } } });
    const scaler = chart.kubectl([
      ...['get', 'horizontalpodautoscalers.v2.autoscaling/isthmus-gateway'],
      '--output=jsonpath={.spec.metrics[*].resource}',
    ]);
    const target = { type: 'Utilization', averageUtilization: 60 };
    assert.deepEqual(JSON.parse(scaler), { name: 'cpu', target });
    chart.bring({ ...EAST, store: { tryout: { persistence: { enabled: true } } } });
    assert.deepEqual(chart.labelled(['persistentvolumeclaims'], OURS), [
      'persistentvolumeclaim/isthmus-redis',
    ]);
  });

  it('makes pods that a namespace of the restricted standard admits', (t) => {
    chart.kubectl(['label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted']);
    for (const [name, spec] of pods(manifests(tempFolder(t), EAST))) {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'checked', namespace: NAMESPACE },
        spec,
      };
      const { code, stderr } = chart.attempt(['create', '--dry-run=server', '--filename=-'], stringify(pod));
      assert.equal(code, 0, `${name}: ${stderr}`);
    }
    const loose = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'loose' },
      spec: { containers: [{ name: 'a', image: 'a' }] },
    };
    const { stderr } = chart.attempt(['create', '--dry-run=server', '--filename=-'], stringify(loose));
    assert.match(stderr, /violates PodSecurity/, 'the standard is not in force');
  });

  const may: readonly (readonly [
    account: string,
    verb: string,
    what: string,
    where: string,
    answer: boolean,
  ])[] = [
    ['isthmus-gateway', 'watch', 'configmap/isthmus-clusterset', NAMESPACE, true],
    ['isthmus-gateway', 'get', 'configmap/isthmus-federation', NAMESPACE, false],
    ['isthmus-gateway', 'get', 'secrets', NAMESPACE, false],
    ['isthmus-gateway', 'list', 'pods', NAMESPACE, false],
    ['isthmus-federation', 'watch', 'endpointslices.discovery.k8s.io', 'shop', true],
    ['isthmus-federation', 'create', 'services', 'shop', true],
    [
      'isthmus-federation',
      'patch',
      'serviceexports.multicluster.x-k8s.io --subresource=status',
      'shop',
      true,
    ],
    ...[
      'failoverpolicies.isthmus.io',
      'trafficpolicies.isthmus.io',
      'accesspolicies.isthmus.io',
      'httproutes.gateway.networking.k8s.io',
      'grpcroutes.gateway.networking.k8s.io',
    ].flatMap((what): [string, string, string, string, boolean][] => [
      ['isthmus-federation', 'patch', `${what} --subresource=status`, 'shop', true],
      ['isthmus-federation', 'update', `${what} --subresource=status`, 'shop', false],
      ['isthmus-federation', 'patch', what, 'shop', false],
    ]),
    ['isthmus-federation', 'patch', 'clusterpeers.isthmus.io --subresource=status', '', true],
    ['isthmus-federation', 'update', 'clusterpeers.isthmus.io --subresource=status', '', false],
    ['isthmus-federation', 'create', 'tokenreviews.authentication.k8s.io', '', true],
    ['isthmus-federation', 'update', 'leases.coordination.k8s.io/isthmus-federation', NAMESPACE, true],
    ['isthmus-federation', 'update', 'secret/isthmus-membership', NAMESPACE, true],
    ['isthmus-federation', 'patch', 'secret/isthmus-redis-users', NAMESPACE, true],
    ['isthmus-federation', 'get', 'secret/isthmus-redis', NAMESPACE, false],
    ['isthmus-federation', 'get', 'secrets', 'shop', false],
    ['isthmus-federation', 'create', 'pods', 'shop', false],
    ['isthmus-federation', 'delete', 'nodes', '', false],
  ];
  for (const [account, verb, what, where, answer] of may) {
    it(`${answer ? 'lets' : 'does not let'} ${account} ${verb} ${what} in ${where || 'the cluster'}`, () => {
      assert.equal(chart.allows(account, verb, what, where), answer);
    });
  }

  it('lets isthmus-federation write what becomes of a policy, and the policy itself not', () => {
    const policy = { apiVersion: 'isthmus.io/v1alpha1', kind: 'FailoverPolicy', metadata: { name: 'cart' } };
    const spec = {
      targetRefs: [{ kind: 'Service', name: 'cart' }],
      tiers: [{ clusters: [{ name: 'west' }] }],
    };
    chart.apply({ ...policy, spec });
    const condition = {
      type: 'Accepted',
      status: 'True',
      reason: 'Accepted',
      message: '',
      lastTransitionTime: '2026-01-31T12:00:00Z',
    };
    const ancestorRef = { group: '', kind: 'Service', name: 'cart', namespace: NAMESPACE };
    const status = {
      ancestors: [{ ancestorRef, controllerName: 'isthmus.io/federation', conditions: [condition] }],
    };
    const as = `--as=system:serviceaccount:${NAMESPACE}:isthmus-federation`;
    const apply = ['apply', '--server-side', '--field-manager=isthmus', '--filename=-', as];
    const written = chart.attempt([...apply, '--subresource=status'], stringify({ ...policy, status }));
    assert.equal(written.code, 0, written.stderr);
    const refused = chart.attempt([...apply, '--force-conflicts'], stringify({ ...policy, spec }));
    assert.match(refused.stderr, /cannot patch resource "failoverpolicies"/);
  });

  it('fits into the Secret that Helm keeps of it', () => {
    const sizes = chart
      .labelled(['secrets'], 'owner=helm')
      .map((name) => chart.kubectl(['get', name, '--output=jsonpath={.data.release}']).length);
    assert.ok(Math.max(...sizes) < 700_000, `${Math.max(...sizes)} of 1048576 bytes`);
  });

  it('leaves nothing when it is uninstalled but kinds that others may use', () => {
    chart.uninstall();
    assert.deepEqual(chart.labelled(KINDS, OURS), []);
    const crds = chart.labelled(['customresourcedefinitions'], OURS);
    assert.ok(crds.length > 0, 'the standard kinds are gone');
    for (const name of crds) assert.doesNotMatch(name, /isthmus\.io$/);
  });

  it('comes back after that, and takes the kinds that it left for its own', () => {
    chart.bring(EAST);
    const crds = chart.labelled(['customresourcedefinitions'], OURS);
    assert.ok(crds.some((name) => name.endsWith('/clusterpeers.isthmus.io')));
  });
});

/** The file of HTTPRoute, which has no word of Helm in it. */
function foreignRoutes(): string {
  const folder = join(CHART, 'crd-files');
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    /httproutes\.yaml$/.test(name),
  );
  if (file === undefined) throw new Error(`${folder} has no HTTPRoute`);
  return join(folder, file);
}
