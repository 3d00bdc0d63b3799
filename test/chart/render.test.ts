import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { CHART, helm, manifests, missingHelm, NAMESPACE, only, parseManifests, valuesFile } from './helm.ts';

const EAST = { cluster: { name: 'east' } };
const OTHER_REDIS = {
  ...EAST,
  store: { redis: { urls: ['rediss://redis.example:6379'], existingSecret: 'redis', caKey: 'ca.crt' } },
};

interface Expectation {
  readonly values: object;
  readonly flags?: readonly string[];
  /** `Kind/name` that must be there. */
  readonly has?: readonly string[];
  readonly lacks?: readonly string[];
  /** Text that the object of that name has, written as JSON. */
  readonly says?: readonly (readonly [kind: string, name: string, text: RegExp])[];
}

const MONITORING = ['ServiceMonitor', 'PrometheusRule'].map(
  (kind) => `--api-versions=monitoring.coreos.com/v1/${kind}`,
);

const TABLE: Readonly<Record<string, Expectation>> = {
  'programs that listen by IPv6 too': {
    values: { ...EAST, listenHost: '::' },
    says: [
      ['Service', 'isthmus-gateway', /"ipFamilyPolicy":"PreferDualStack"/],
      ['Service', 'isthmus-gateway-http', /"ipFamilyPolicy":"PreferDualStack"/],
    ],
  },
  'only the name': {
    values: EAST,
    has: [
      'Deployment/isthmus-federation',
      'Deployment/isthmus-gateway',
      'Deployment/isthmus-redis',
      'PodDisruptionBudget/isthmus-gateway',
      'NetworkPolicy/isthmus-federation',
      'ValidatingAdmissionPolicy/isthmus-system-isthmus-federation',
      'ConfigMap/isthmus-dashboards',
    ],
    lacks: [
      'HorizontalPodAutoscaler/isthmus-gateway',
      'PodDisruptionBudget/isthmus-federation',
      'ServiceMonitor/isthmus-gateway',
      'PrometheusRule/isthmus',
      'PersistentVolumeClaim/isthmus-redis',
    ],
    says: [
      ['Service', 'isthmus-gateway', /"type":"LoadBalancer"/],
      ['Service', 'isthmus-gateway', /"ipFamilyPolicy":"SingleStack"/],
      ['Deployment', 'isthmus-gateway', /"replicas":2/],
      ['Deployment', 'isthmus-federation', /"replicas":1/],
      ['Deployment', 'isthmus-gateway', /"audience":"isthmus"/],
      ['Deployment', 'isthmus-gateway', /"terminationGracePeriodSeconds":45/],
    ],
  },
  'node ports and TLS passthrough': {
    values: {
      ...EAST,
      gateway: { service: { type: 'NodePort', meshNodePort: 30443 }, tlsPassthrough: { enabled: true } },
    },
    says: [
      ['Service', 'isthmus-gateway', /"name":"mesh","port":15443,"targetPort":"mesh","nodePort":30443/],
      ['Service', 'isthmus-gateway', /"name":"tls","port":443/],
      ['NetworkPolicy', 'isthmus-gateway', /15444/],
    ],
  },
  autoscaling: {
    values: { ...EAST, gateway: { autoscaling: { enabled: true, maxReplicas: 5 } } },
    has: ['HorizontalPodAutoscaler/isthmus-gateway', 'PodDisruptionBudget/isthmus-gateway'],
    says: [['HorizontalPodAutoscaler', 'isthmus-gateway', /"maxReplicas":5/]],
  },
  'a Redis of the user': {
    values: OTHER_REDIS,
    lacks: ['Deployment/isthmus-redis', 'Secret/isthmus-redis', 'NetworkPolicy/isthmus-redis'],
    says: [['Deployment', 'isthmus-federation', /"secretName":"redis"/]],
  },
  'no store': {
    values: { ...EAST, store: { tryout: { enabled: false } } },
    lacks: ['Deployment/isthmus-redis', 'Secret/isthmus-redis'],
  },
  'a flat network': {
    values: { cluster: { name: 'east', network: 'lan' } },
    says: [['ConfigMap', 'isthmus-federation', /network: \\"lan\\"/]],
  },
  'a store that lasts': {
    values: { ...EAST, store: { tryout: { persistence: { enabled: true, storageClassName: 'fast' } } } },
    has: ['PersistentVolumeClaim/isthmus-redis'],
    says: [['PersistentVolumeClaim', 'isthmus-redis', /"storageClassName":"fast"/]],
  },
  'where the Prometheus Operator is': {
    values: { ...EAST, monitoring: { serviceMonitor: { labels: { release: 'prometheus' } } } },
    flags: MONITORING,
    has: ['ServiceMonitor/isthmus-gateway', 'ServiceMonitor/isthmus-federation', 'PrometheusRule/isthmus'],
    says: [
      ['ServiceMonitor', 'isthmus-gateway', /"release":"prometheus"/],
      ['PrometheusRule', 'isthmus', /\{\{ \$labels\.cluster \}\}/],
    ],
  },
  'without what can be left out': {
    values: {
      ...EAST,
      rbac: { create: false, admissionPolicy: false },
      networkPolicy: { enabled: false },
      monitoring: { dashboards: { enabled: false } },
      gateway: { podDisruptionBudget: { enabled: false }, serviceAccount: { name: 'theirs' } },
    },
    lacks: [
      'ServiceAccount/isthmus-gateway',
      'ClusterRole/isthmus-system-isthmus-federation',
      'ValidatingAdmissionPolicy/isthmus-system-isthmus-federation',
      'NetworkPolicy/isthmus-gateway',
      'ConfigMap/isthmus-dashboards',
      'PodDisruptionBudget/isthmus-gateway',
    ],
    says: [['Deployment', 'isthmus-gateway', /"serviceAccountName":"theirs"/]],
  },
  'an admission policy where it is not said': {
    values: { ...EAST, rbac: { admissionPolicy: null } },
    has: ['ValidatingAdmissionPolicy/isthmus-system-isthmus-federation'],
  },
  'an end that leaves nothing at all': {
    values: { ...EAST, uninstall: { withRoot: true } },
    says: [['Job', 'isthmus-clean-up', /"clean-up","--namespace=isthmus-system","--yes","--with-root"/]],
  },
  'an end without a Job': {
    values: { ...EAST, uninstall: { cleanUp: false } },
    lacks: ['Job/isthmus-clean-up', 'ClusterRole/isthmus-system-isthmus-clean-up'],
  },
  'images by digest, from elsewhere': {
    values: {
      ...EAST,
      image: { repository: 'registry.example/isthmus', digest: `sha256:${'0a'.repeat(32)}` },
      imagePullSecrets: [{ name: 'registry' }],
    },
    says: [
      ['Deployment', 'isthmus-gateway', /"image":"registry\.example\/isthmus@sha256:0a0a/],
      ['Deployment', 'isthmus-federation', /"imagePullSecrets":\[\{"name":"registry"\}\]/],
    ],
  },
  placement: {
    values: {
      ...EAST,
      gateway: {
        nodeSelector: { pool: 'edge' },
        tolerations: [{ key: 'edge', operator: 'Exists' }],
        priorityClassName: 'high',
        extraEnv: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=512' }],
        podLabels: { team: 'net' },
      },
      store: {
        tryout: { priorityClassName: 'low', podAnnotations: { note: 'cache' }, podLabels: { team: 'data' } },
      },
    },
    says: [
      ['Deployment', 'isthmus-gateway', /"nodeSelector":\{"pool":"edge"\}/],
      ['Deployment', 'isthmus-gateway', /"priorityClassName":"high"/],
      ['Deployment', 'isthmus-gateway', /max-old-space-size=512/],
      [
        'Deployment',
        'isthmus-federation',
        /"env":\[\{"name":"NODE_OPTIONS","value":"--max-old-space-size-percentage=60"\}\]/,
      ],
      ['Deployment', 'isthmus-gateway', /"team":"net"/],
      ['Deployment', 'isthmus-redis', /"team":"data"/],
      ['Deployment', 'isthmus-redis', /"note":"cache"/],
      ['Deployment', 'isthmus-redis', /"priorityClassName":"low"/],
    ],
  },
  'heap of its own': {
    values: {
      ...EAST,
      federation: { extraEnv: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=800' }] },
    },
    says: [
      [
        'Deployment',
        'isthmus-federation',
        /"env":\[\{"name":"NODE_OPTIONS","value":"--max-old-space-size=800"\}\]/,
      ],
    ],
  },
  'memory without a bound': {
    values: { ...EAST, federation: { resources: { limits: null } } },

    says: [['Deployment', 'isthmus-federation', /^(?!.*NODE_OPTIONS)/]],
  },
};

describe('chart', { skip: missingHelm() }, () => {
  const folder = tempFolder({ after });

  for (const [name, { values, flags = [], has = [], lacks = [], says = [] }] of Object.entries(TABLE)) {
    it(`makes the right objects: ${name}`, () => {
      const found = manifests(folder, values, ...flags);
      const names = found.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      assert.equal(new Set(names).size, names.length, 'an object is there twice');
      for (const wanted of has) assert.ok(names.includes(wanted), `${wanted} is not there`);
      for (const unwanted of lacks) assert.ok(!names.includes(unwanted), `${unwanted} is there`);
      for (const [kind, object, text] of says) assert.match(JSON.stringify(only(found, kind, object)), text);
    });
  }

  it('passes helm lint --strict', () => {
    const { code, stdout, stderr } = helm(folder, [
      'lint',
      '--strict',
      CHART,
      '--values',
      valuesFile(folder, EAST),
    ]);
    assert.equal(code, 0, stdout + stderr);
  });

  it('puts each object of a namespace into that of the release, and labels all', () => {
    for (const { kind, metadata } of manifests(folder, { ...EAST, commonLabels: { owner: 'me' } })) {
      const ofCluster = /^(ClusterRole|CustomResourceDefinition|ValidatingAdmissionPolicy)/.test(kind);
      assert.equal(metadata.namespace, ofCluster ? undefined : NAMESPACE, `${kind} ${metadata.name}`);
      assert.equal(metadata.labels['app.kubernetes.io/instance'], 'isthmus', `${kind} ${metadata.name}`);
      assert.equal(metadata.labels.owner, 'me', `${kind} ${metadata.name}`);
    }
  });

  it('keeps names that YAML would take for numbers', () => {
    const values = { ...EAST, gateway: { serviceAccount: { name: '007' }, priorityClassName: '1e3' } };
    const file = valuesFile(folder, { ...values, nameOverride: '42' });
    const { code, stdout, stderr } = helm(folder, [
      ...['template', '123', CHART, '--namespace', '456', '--values', file, ...MONITORING],
    ]);
    assert.equal(code, 0, stderr);
    const found = parseManifests(stdout);
    const { spec } = only(found, 'Deployment', '123-42-gateway') as unknown as {
      spec: { template: { spec: Record<string, unknown> } };
    };
    const { serviceAccountName, priorityClassName } = spec.template.spec;
    assert.deepEqual([serviceAccountName, priorityClassName], ['007', '1e3']);
    for (const { kind, metadata } of found) {
      assert.equal(metadata.labels['app.kubernetes.io/instance'], '123', `${kind} ${metadata.name}`);
      assert.equal(metadata.labels['app.kubernetes.io/name'], '42', `${kind} ${metadata.name}`);
    }
  });

  it('starts pods anew when their configuration changes', () => {
    const checksum = (values: object): unknown =>
      JSON.stringify(only(manifests(folder, values), 'Deployment', 'isthmus-gateway')).match(
        /checksum\/config":"(\w+)/,
      )?.[1];
    assert.equal(checksum(EAST), checksum(EAST));
    assert.notEqual(checksum(EAST), checksum({ ...EAST, gateway: { accessLogSample: 0.5 } }));
  });

  it('gives the try-out store a password, and a certificate for its addresses', () => {
    const found = manifests(folder, { ...EAST, store: { tryout: { advertise: 'redis.east.example:6379' } } });
    const secret = only(found, 'Secret', 'isthmus-redis').stringData as Record<string, string>;
    assert.match(secret.password ?? '', /^\w{40}$/);
    assert.doesNotMatch(secret['admin.acl'] ?? '', new RegExp(secret.password ?? ''));
    for (const key of ['ca.crt', 'tls.crt']) assert.match(secret[key] ?? '', /^-----BEGIN CERTIFICATE-----/);
  });
});
