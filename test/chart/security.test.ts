import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { PODS, WATCHED_KINDS } from '../../clusters/kubernetes/watched-kinds.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { type Manifest, manifests, missingHelm, template } from './helm.ts';
import { pods } from './pods.ts';

const VALUES = [
  { cluster: { name: 'east' } },
  {
    cluster: { name: 'east' },
    gateway: { tlsPassthrough: { enabled: true } },
    store: { tryout: { persistence: { enabled: true } } },
  },
  {
    cluster: { name: 'east' },
    store: { redis: { urls: ['rediss://redis.example:6379'], existingSecret: 'redis', caKey: 'ca.crt' } },
  },
];

/** Those whose program speaks to the API. */
const WITH_TOKEN = ['Deployment/isthmus-gateway', 'Deployment/isthmus-federation', 'Job/isthmus-clean-up'];

describe('pods of the chart', { skip: missingHelm() }, () => {
  const folder = tempFolder({ after });

  for (const values of VALUES) {
    it(`hold to the restricted pod security standard with ${JSON.stringify(values)}`, () => {
      const found = pods(manifests(folder, values));
      assert.ok(found.size >= 3, [...found.keys()].join());
      for (const [name, spec] of found) {
        assert.equal(spec.securityContext.runAsNonRoot, true, name);
        assert.deepEqual(spec.securityContext.seccompProfile, { type: 'RuntimeDefault' }, name);
        for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) assert.equal(spec[key], undefined, name);
        for (const { hostPath } of spec.volumes) assert.equal(hostPath, undefined, name);
        for (const each of [...spec.initContainers, ...spec.containers]) {
          assert.deepEqual(
            each.securityContext,
            {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              runAsNonRoot: true,
              capabilities: { drop: ['ALL'] },
            },
            `${name} ${each.name}`,
          );
          assert.ok(each.resources.requests.cpu, `${name} ${each.name} asks for no CPU`);
          assert.ok(each.resources.limits.memory, `${name} ${each.name} has no bound of memory`);
          assert.doesNotMatch(each.image, /:latest$|^[^:@]+$/, `${name} ${each.name}`);
        }
      }
    });
  }

  it('leave users and groups to the platform where the values do, and nothing else', () => {
    const none = { runAsUser: null, runAsGroup: null, fsGroup: null };
    const found = pods(manifests(folder, { ...VALUES[0], podSecurityContext: none }));
    for (const [name, { securityContext, ...spec }] of found) {
      const seccompProfile = { type: 'RuntimeDefault' };
      assert.deepEqual(securityContext, { runAsNonRoot: true, seccompProfile }, name);
      for (const each of [...spec.initContainers, ...spec.containers]) {
        assert.deepEqual(each.securityContext.capabilities, { drop: ['ALL'] }, `${name} ${each.name}`);
      }
    }
  });

  it('are not made without what bounds them, as --reuse-values of an older release would', () => {
    for (const key of ['podSecurityContext', 'containerSecurityContext']) {
      const { code, stderr } = template(folder, { ...VALUES[0], [key]: null });
      assert.notEqual(code, 0, key);
      assert.match(stderr, new RegExp(`${key} is not set: .*--reset-then-reuse-values`, 's'));
    }
  });

  it('are what the values say, each of them', () => {
    const values = {
      ...VALUES[0],
      podSecurityContext: { runAsUser: 1000 },
      containerSecurityContext: { readOnlyRootFilesystem: false },
    };
    for (const [name, { securityContext, ...spec }] of pods(manifests(folder, values))) {
      const { runAsUser, runAsNonRoot } = securityContext;
      assert.deepEqual([runAsUser, runAsNonRoot], [1000, true], name);
      for (const each of [...spec.initContainers, ...spec.containers]) {
        const { readOnlyRootFilesystem, allowPrivilegeEscalation } = each.securityContext;
        assert.deepEqual([readOnlyRootFilesystem, allowPrivilegeEscalation], [false, false], name);
      }
    }
  });

  it('hold a token of the API only where the program speaks to it', () => {
    for (const [name, { automountServiceAccountToken: token }] of pods(manifests(folder, VALUES[0] ?? {}))) {
      assert.equal(token, WITH_TOKEN.includes(name), name);
    }
  });

  it('write only to their own volumes', () => {
    for (const [name, spec] of pods(manifests(folder, VALUES[0] ?? {}))) {
      for (const { volumeMounts } of spec.containers) {
        const writable = volumeMounts.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath);
        for (const path of writable) assert.match(path, /^(\/var\/lib\/isthmus|\/tmp|\/data)$/, name);
      }
    }
  });
});

describe('rights of the chart', { skip: missingHelm() }, () => {
  const found = manifests(tempFolder({ after }), VALUES[0] ?? {});

  it('never name a wildcard, nor let anyone act for another or change roles', () => {
    for (const rule of rules(found, () => true)) {
      for (const list of [rule.apiGroups, rule.resources, rule.verbs])
        assert.ok(!list.includes('*'), JSON.stringify(rule));
      for (const verb of ['escalate', 'bind', 'impersonate']) assert.ok(!rule.verbs.includes(verb));
      assert.ok(!rule.apiGroups.includes('rbac.authorization.k8s.io'));
    }
  });

  it('read no Secret of another namespace', () => {
    for (const rule of rules(found, ({ kind }) => kind === 'ClusterRole')) {
      for (const what of ['secrets', 'configmaps', 'pods/exec'])
        assert.ok(!rule.resources.includes(what), what);
    }
  });

  it('let the federation service follow every kind that it reads', () => {
    const ofCluster = rules(
      found,
      ({ kind, metadata }) => kind === 'ClusterRole' && /-federation$/.test(metadata.name),
    );
    for (const { group, plural } of [PODS, ...WATCHED_KINDS].flatMap(({ types }) => types)) {
      const fitting = ofCluster.filter(
        ({ apiGroups, resources }) => apiGroups.includes(group) && resources.includes(plural),
      );
      const verbs = fitting.flatMap((rule) => rule.verbs);
      for (const verb of ['get', 'list', 'watch'])
        assert.ok(verbs.includes(verb), `${verb} ${plural}.${group}`);
    }
  });

  it('let a gateway read one ConfigMap and nothing else', () => {
    assert.deepEqual(
      rules(found, ({ metadata }) => metadata.name === 'isthmus-gateway'),
      [
        {
          apiGroups: [''],
          resources: ['configmaps'],
          resourceNames: ['isthmus-clusterset'],
          verbs: ['get', 'list', 'watch'],
        },
      ],
    );
    const bound = found.filter(({ kind }) => kind === 'ClusterRoleBinding');
    assert.ok(bound.length > 0);
    assert.doesNotMatch(JSON.stringify(bound.map(({ subjects }) => subjects)), /gateway/);
  });
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

function rules(found: readonly Manifest[], wanted: (role: Manifest) => boolean): readonly Rule[] {
  const roles = found.filter((each) => ['Role', 'ClusterRole'].includes(each.kind) && wanted(each));
  return roles.flatMap((role) => role.rules as readonly Rule[]);
}
