import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { z } from 'zod';
import type { KubeApiServer } from '../fixtures/kube-api-server.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { NAMESPACE } from './helm.ts';
import { InstalledChart, missingInstalledChart } from './installed-chart.ts';

const NO_CLEAN_UP = { cluster: { name: 'east' }, uninstall: { cleanUp: false } };
const launcher = join(import.meta.dirname, '../../isthmus.js');

const report = z.object({
  ok: z.boolean(),
  steps: z.array(
    z.object({ name: z.string(), state: z.string(), detail: z.string(), cure: z.string().optional() }),
  ),
});

/** The chart in a real API without nodes: what commands say of a cluster of which no pod runs. */
describe('commands by context', { skip: missingInstalledChart() }, () => {
  const suite = InstalledChart.forSuite();
  let server: KubeApiServer;
  let chart: InstalledChart;

  before(async () => {
    ({ server, chart } = suite);
    chart.bring(NO_CLEAN_UP);
  });

  function isthmus(...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, KUBECONFIG: server.kubeconfig };
    const ran = spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8', env });
    return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
  }

  function check(kubeconfig = server.kubeconfig) {
    const where = ['--context', 'test', '--kubeconfig', kubeconfig];
    const { code, stdout } = isthmus('cluster', 'check', ...where, '--output', 'json');
    assert.equal(code, 3, stdout);
    const { steps } = report.parse(JSON.parse(stdout));
    return (name: string) => {
      const found = steps.find((step) => step.name === name);
      assert.ok(found !== undefined, `${name}: ${stdout}`);
      return found;
    };
  }

  it('check what needs no pod, and say what is missing and what to do', () => {
    const step = check();
    for (const name of ['API server', 'release', 'kinds', 'federation rights', 'gateway rights']) {
      assert.equal(step(name).state, 'ok', `${name}: ${step(name).detail}`);
    }
    assert.match(step('kinds').detail, /isthmus\.io\/v1alpha1/);
    assert.match(step('federation pods').detail, /^0 of 1 are there$/);
    assert.match(step('gateway address').detail, /no node is ready and has an address/);
    assert.match(step('membership').cure ?? '', /cluster register east --context test/);
  });

  it('warn of a load balancer without an address, and say what to do about an image that is nowhere', () => {
    chart.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
    tell('node/node-1', {
      addresses: [{ type: 'InternalIP', address: '10.89.0.11' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    });
    chart.apply(waitingPod('isthmus-gateway-1'));
    const state = { waiting: { reason: 'ErrImagePull', message: 'no such host' } };
    const waits = { name: 'gateway', image: 'i', imageID: '', ready: false, restartCount: 0, state };
    tell('pod/isthmus-gateway-1', { containerStatuses: [waits] });
    const step = check();
    const address = step('gateway address');
    assert.equal(address.state, 'warning');
    assert.match(
      address.detail,
      /has no address of a load balancer yet; peers are told .*: 10\.89\.0\.11:\d+$/,
    );
    assert.match(address.cure ?? '', /kubectl describe service .*gateway\.service\.type=NodePort/);
    assert.match(step('gateway pods').detail, /^isthmus-gateway-1: ErrImagePull: no such host$/);
    assert.match(step('gateway pods').cure ?? '', /^build the image and push it .*image\.repository=/);
    chart.kubectl(['delete', 'pod/isthmus-gateway-1', '--grace-period=0', '--force']);
    chart.kubectl(['delete', 'node/node-1']);
  });

  /** As a controller would: into the status. */
  function tell(object: string, status: object): void {
    const patch = `--patch=${JSON.stringify({ status })}`;
    chart.kubectl(['patch', object, '--subresource=status', '--type=merge', patch]);
  }

  it('find a right and a kind that are gone', () => {
    chart.kubectl(['delete', 'clusterrolebinding', '--selector', 'app.kubernetes.io/component=federation']);
    chart.kubectl(['delete', 'customresourcedefinition', 'serviceexports.multicluster.x-k8s.io']);
    chart.until('the right is gone', () => !chart.allows('isthmus-federation', 'list', 'services'));
    chart.until('so is the kind', () => !chart.serves('multicluster.x-k8s.io/v1beta1', 'serviceexports'));
    const step = check();
    assert.match(step('federation rights').detail, /isthmus-federation may not list services, /);
    assert.match(step('kinds').detail, /does not serve ServiceExport .*no service is exported/);
    assert.match(step('kinds').cure ?? '', /helm upgrade/);
    chart.bring(NO_CLEAN_UP);
    assert.equal(check()('kinds').state, 'ok');
  });

  it('find kinds that are older than those of this release, and say what they lack and the command that mends it', () => {
    assert.equal(check()('schemas').state, 'ok');
    change('clusterpeers.isthmus.io', ({ spec }) => {
      for (const { schema } of spec.versions)
        delete schema.openAPIV3Schema.properties.spec?.properties?.drain;
    });
    change('httproutes.gateway.networking.k8s.io', ({ metadata, spec }) => {
      const approved = { 'api-approved.kubernetes.io': 'unapproved, of a test' };
      metadata.annotations = { ...approved, 'gateway.networking.k8s.io/bundle-version': 'v1.2.0' };
      spec.versions = spec.versions
        .filter(({ name }) => name !== 'v1')
        .map((each) => ({ ...each, storage: true }));
    });
    const step = check();
    const own = step('schema clusterpeers.isthmus.io');
    assert.deepEqual([own.state, own.detail], ['failed', 'older than that of 0.1.0: lacks spec.drain']);
    const upgrade =
      /^helm upgrade isthmus \S+\/charts\/isthmus --kube-context test --kubeconfig \S+ --namespace isthmus-system --reset-/;
    assert.match(own.cure ?? '', upgrade);
    const routes = step('schema httproutes.gateway.networking.k8s.io');
    assert.equal(routes.state, 'warning');
    assert.match(routes.detail, /^v1\.2\.0, older than that of 0\.1\.0: lacks the version v1/);
    const apply =
      /^kubectl --context test --kubeconfig \S+ apply --server-side --filename (\S+_httproutes\.yaml); /;
    const [, file = ''] = apply.exec(routes.cure ?? '') ?? [];
    chart.kubectl(['apply', '--server-side', '--force-conflicts', '--filename', file]);
    chart.bring(NO_CLEAN_UP);
    assert.equal(check()('schemas').state, 'ok');
  });

  /** As it would be had another release brought it. */
  function change(name: string, edit: (definition: EditedDefinition) => void): void {
    const definition = JSON.parse(chart.kubectl(['get', 'customresourcedefinition', name, '--output=json']));
    const { resourceVersion: _version, uid: _uid, managedFields: _fields, ...metadata } = definition.metadata;
    const edited = { ...definition, metadata, status: undefined };
    edit(edited);
    // A version that was stored cannot be taken away.
    chart.kubectl(['delete', 'customresourcedefinition', name]);
    const asHelm = ['apply', '--server-side', '--field-manager=helm', '--filename=-'];
    chart.kubectl(asHelm, JSON.stringify(edited));
  }

  it('say that an API server does not answer, and look no further', (t) => {
    const elsewhere = join(tempFolder(t), 'elsewhere');
    writeFileSync(
      elsewhere,
      readFileSync(server.kubeconfig, 'utf8').replace(server.url, 'https://127.0.0.1:1'),
    );
    const step = check(elsewhere);
    assert.equal(step('API server').state, 'failed');
    const look = `see whether kubectl --context test --kubeconfig ${elsewhere} get nodes works from here`;
    assert.equal(step('API server').cure, look);
    assert.equal(step('release').state, 'skipped');
  });

  it('say what somebody without rights lacks', async (t) => {
    const token = await server.serviceAccountToken(t, 'default', 'nobody');
    const nobody = join(tempFolder(t), 'nobody');
    writeFileSync(nobody, readFileSync(server.kubeconfig, 'utf8').replace(server.token, token));
    const step = check(nobody);
    assert.match(step('release').detail, /403 Forbidden/);
    assert.match(step('release').cure ?? '', /list Deployments/);
  });

  it('say that no pod can be asked', () => {
    for (const command of [
      ['cluster', 'list'],
      ['cluster', 'invite', 'west'],
    ]) {
      const { code, stderr } = isthmus(...command, '--context', 'test');
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /^error: context test: no pod of the federation service is ready: there is none\nhint: isthmus cluster check /,
      );
    }
    const { stderr } = isthmus('why', 'shop/cart', '--context', 'test');
    assert.match(stderr, /^error: context test: no gateway is ready/);
  });

  it('say in which namespace the release is that was looked for in another', () => {
    const { code, stderr } = isthmus('cluster', 'list', '--context', 'test', '--namespace', 'nowhere');
    assert.equal(code, 1);
    assert.match(stderr, /^error: context test: there is no release of the chart in namespace nowhere\n/);
    assert.match(
      stderr,
      /\nhint: it is in isthmus-system: name that with --namespace, or leave --namespace out\n/,
    );
  });

  it('take a folder or a context, not both', () => {
    const { code, stderr } = isthmus('cluster', 'list', '--dir', 'east', '--context', 'test');
    assert.equal(code, 2);
    assert.match(stderr, /cannot be used with/);
  });

  it('export a Service, tell what becomes of it, and take it back', () => {
    const metadata = { name: 'pay', namespace: NAMESPACE };
    chart.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { ports: [{ name: 'http', port: 80 }] },
    });
    const name = `${NAMESPACE}/pay`;
    const none = isthmus('service', 'export', `${NAMESPACE}/none`, '--context', 'test');
    assert.equal(none.code, 1);
    assert.match(none.stderr, /there is no Service isthmus-system\/none\nhint: kubectl/);
    const early = isthmus('service', 'export', name, '--context', 'test', '--timeout', '0s');
    assert.equal(early.code, 3, early.stderr);
    assert.match(early.stderr, /nobody looked at the ServiceExport\nhint: the ServiceExport stays/);
    const at = { lastTransitionTime: '2026-01-01T00:00:00Z', message: 'said' };
    const condition = (type: string, status: string) => ({ ...at, type, status, reason: 'Said' });
    const tell = (...conditions: readonly object[]) =>
      chart.kubectl([
        ...['patch', 'serviceexport', 'pay', '--subresource=status', '--type=merge'],
        `--patch=${JSON.stringify({ status: { conditions } })}`,
      ]);
    tell(condition('Valid', 'False'));
    const invalid = isthmus('service', 'export', name, '--context', 'test');
    assert.equal(invalid.code, 1);
    assert.match(invalid.stderr, /cannot be exported: said/);
    tell(condition('Valid', 'True'), condition('Ready', 'True'));
    const done = isthmus('service', 'export', `pay.${NAMESPACE}`, '--context', 'test', '--output', 'json');
    assert.equal(done.code, 0, done.stderr);
    assert.equal(JSON.parse(done.stdout).exported, true);
    assert.equal(isthmus('service', 'unexport', name, '--context', 'test').code, 0);
    assert.equal(chart.kubectl(['get', 'serviceexports', '--output=name']), '');
    const again = isthmus('service', 'unexport', name, '--context', 'test');
    assert.match(again.stderr, /is not exported\nhint: isthmus service list --context test/);
  });

  it('export, take back and leave where only the older version of the MCS API is served', () => {
    chart.bring(NO_CLEAN_UP);
    for (const plural of ['serviceexports', 'serviceimports']) {
      change(`${plural}.multicluster.x-k8s.io`, ({ spec }) => {
        spec.versions = spec.versions
          .slice(0, 1)
          .map((each) => ({ ...each, name: 'v1alpha1', storage: true }));
      });
      chart.until('it is served', () => chart.serves('multicluster.x-k8s.io/v1alpha1', plural));
      chart.until('alone', () => !chart.serves('multicluster.x-k8s.io/v1beta1', plural));
    }
    assert.match(check()('kinds').detail, /multicluster\.x-k8s\.io\/v1alpha1/);
    const metadata = { name: 'old', namespace: NAMESPACE };
    const spec = { ports: [{ name: 'http', port: 80 }] };
    chart.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec });
    const name = `${NAMESPACE}/old`;
    const early = isthmus('service', 'export', name, '--context', 'test', '--timeout', '0s');
    assert.match(early.stderr, /nobody looked at the ServiceExport/);
    const older = 'serviceexports.v1alpha1.multicluster.x-k8s.io';
    assert.match(chart.kubectl(['get', older, '--output=name']), /\/old$/m);
    assert.equal(isthmus('service', 'unexport', name, '--context', 'test').code, 0);
    const labels = { 'app.kubernetes.io/managed-by': 'isthmus' };
    chart.apply({
      apiVersion: 'multicluster.x-k8s.io/v1alpha1',
      kind: 'ServiceImport',
      metadata: { ...metadata, labels },
      spec: { type: 'ClusterSetIP', ports: [{ port: 80 }] },
    });
    const left = isthmus('cluster', 'leave', '--context', 'test', '--yes', '--output', 'json');
    assert.deepEqual(JSON.parse(left.stdout).removed, { serviceimports: 1 }, left.stderr);
  });

  it('remove what an earlier membership left, when told to', () => {
    const labels = { 'app.kubernetes.io/managed-by': 'isthmus' };
    const ports = [{ name: 'http', port: 80 }];
    const own = { name: 'own', namespace: NAMESPACE };
    chart.apply(
      { apiVersion: 'v1', kind: 'Service', metadata: { ...own, name: 'derived-1', labels }, spec: { ports } },
      { apiVersion: 'v1', kind: 'Service', metadata: own, spec: { ports } },
    );
    const asked = isthmus('cluster', 'leave', '--context', 'test');
    assert.equal(asked.code, 1);
    assert.match(asked.stderr, /east is a member of no clusterset\nhint: with --yes/);
    const left = isthmus('cluster', 'leave', '--context', 'test', '--yes', '--output', 'json');
    assert.equal(left.code, 0, left.stderr);
    assert.deepEqual(JSON.parse(left.stdout).removed, { services: 1 });
    const still = chart.kubectl(['get', 'services', '--output=name']);
    assert.ok(still.includes('service/own\n') && still.includes('service/isthmus-gateway\n'), still);
    assert.ok(!still.includes('derived-1'), still);
  });
});

interface EditedSchema {
  readonly properties: Partial<Record<string, { readonly properties?: Record<string, unknown> }>>;
}

interface EditedDefinition {
  readonly metadata: { annotations: Record<string, string> };
  readonly spec: {
    versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: EditedSchema };
    }[];
  };
}

/** What the gateway's Deployment would make, had it a controller. */
function waitingPod(name: string): object {
  const labels = {
    'app.kubernetes.io/part-of': 'isthmus',
    'app.kubernetes.io/component': 'gateway',
    'app.kubernetes.io/instance': 'isthmus',
  };
  const spec = { automountServiceAccountToken: false, containers: [{ name: 'gateway', image: 'i' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: NAMESPACE, labels }, spec };
}
