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

const launcher = join(import.meta.dirname, '../../isthmus.js');
const VALUES = { cluster: { name: 'east' }, uninstall: { cleanUp: false } };

const step = z.object({
  name: z.string(),
  state: z.string(),
  detail: z.string(),
  cure: z.string().optional(),
});
const report = z.object({ ok: z.boolean(), steps: z.array(step) });

/** A member whose federation service is away, in a real API without nodes. */
describe('check and status of a cluster whose federation service does not answer', {
  skip: missingInstalledChart(),
}, () => {
  const suite = InstalledChart.forSuite();
  let server: KubeApiServer;
  let chart: InstalledChart;

  before(async () => {
    ({ server, chart } = suite);
    chart.bring(VALUES);
    const metadata = { name: 'isthmus-membership', namespace: NAMESPACE };
    chart.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'cluster.yaml': 'kept' } });
    for (const name of ['west', 'north']) chart.apply(peer(name));
    say('clusterpeer/west', { lastSeen: '2026-01-01T00:00:00Z', conditions: conditionsOf('True') });
    say('clusterpeer/north', { conditions: conditionsOf('False') });
  });

  function isthmus(...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, KUBECONFIG: server.kubeconfig };
    const ran = spawnSync(process.execPath, [launcher, ...args, '--context', 'test'], {
      encoding: 'utf8',
      env,
    });
    return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
  }

  /** As a controller would: into the status. */
  function say(object: string, status: object): void {
    const patch = `--patch=${JSON.stringify({ status })}`;
    chart.kubectl(['patch', object, '--subresource=status', '--type=merge', patch]);
  }

  function check(...args: readonly string[]) {
    const { code, stdout, stderr } = isthmus('cluster', 'check', '--output', 'json', ...args);
    assert.equal(code, 3, stderr);
    const { ok, steps } = report.parse(JSON.parse(stdout));
    assert.equal(ok, false);
    return (name: string) => {
      const found = steps.find((each) => each.name === name);
      assert.ok(found !== undefined, `${name}: ${stdout}`);
      return found;
    };
  }

  it('says what the API server knows, and of the rest that the federation does not answer, with the cure', () => {
    const failure = {
      type: 'ReplicaFailure',
      status: 'True',
      reason: 'FailedCreate',
      message: 'exceeded quota',
    };
    const at = '2026-01-01T00:00:00Z';
    say('deployment/isthmus-federation', {
      conditions: [{ ...failure, lastUpdateTime: at, lastTransitionTime: at }],
    });
    const found = check();
    assert.equal(found('kinds').state, 'ok');
    assert.equal(found('federation rights').state, 'ok');
    assert.equal(found('federation pods').detail, '0 of 1 are there: exceeded quota');
    assert.match(found('gateway address').detail, /no node is ready and has an address/);
    assert.deepEqual([found('membership').state, found('federation').state], ['ok', 'failed']);
    const away = /no pod of the federation service is ready: there is none$/;
    assert.match(found('federation').detail, away);
    for (const name of ['trust', 'store', 'resources', 'peers', 'clocks']) {
      assert.equal(found(name).state, 'skipped');
      assert.match(found(name).detail, /^the federation does not answer: /);
      assert.match(found(name).detail, away);
      assert.equal(found(name).cure, found('federation').cure);
    }
    assert.match(
      found('ClusterPeer west').detail,
      /^Connected, Trusted, Synced; .*last seen 2026-01-01T00:00:00Z$/,
    );
    assert.equal(found('ClusterPeer north').state, 'failed');
    assert.match(found('ClusterPeer north').detail, /^Connected False, Said: of a test; /);
    assert.equal(found('gateways').detail, 'none is ready');
  });

  it('says why pods do not run, and what their last words were', () => {
    const back = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s' } };
    const lastState = { terminated: { reason: 'Error', exitCode: 1 } };
    withPod(
      'isthmus-federation-1',
      { containerStatuses: [containerStatus({ state: back, lastState })] },
      () => {
        const pods = check()('federation pods');
        assert.match(pods.detail, /^isthmus-federation-1: CrashLoopBackOff: .* exit code 1 \(Error\)$/);
        assert.match(pods.cure ?? '', /logs isthmus-federation-1 --previous/);
        const status = isthmus('cluster', 'status');
        assert.equal(status.code, 3);
        assert.match(status.stdout, /isthmus-federation-1 +no: CrashLoopBackOff/);
        assert.match(status.stderr, /no pod of the federation service is ready: isthmus-federation-1: Crash/);
      },
    );
  });

  it('says that a pod which is ready cannot be reached', () => {
    const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
    withPod('isthmus-federation-1', ready, () => {
      const found = check();
      assert.equal(found('federation pods').state, 'ok');
      assert.equal(found('federation').state, 'failed');
      assert.match(found('federation').detail, /exec in pod isthmus-system\/isthmus-federation-1/);
      assert.match(found('store').detail, /^the federation does not answer: .*exec in pod/);
      assert.equal(found('ClusterPeer west').state, 'ok');
    });
  });

  it('says as much as a person who may not see the membership may know', async (t) => {
    const token = await server.serviceAccountToken(t, NAMESPACE, 'viewer');
    const rule = (verb: string, resource: string) => [`--verb=${verb}`, `--resource=${resource}`];
    const seen = rule('list,get', 'deployments.apps,pods,configmaps');
    chart.kubectl(['create', 'clusterrole', 'viewer', ...seen]);
    const to = ['--clusterrole=viewer', `--serviceaccount=${NAMESPACE}:viewer`];
    chart.kubectl(['create', 'clusterrolebinding', 'viewer', ...to]);
    const kubeconfig = join(tempFolder(t), 'viewer');
    writeFileSync(kubeconfig, readFileSync(server.kubeconfig, 'utf8').replace(server.token, token));
    const found = check('--kubeconfig', kubeconfig);
    assert.equal(found('kinds').state, 'ok');
    assert.match(found('federation pods').detail, /^0 of 1 are there/);
    assert.match(found('membership').detail, /403 Forbidden: secrets/);
    assert.equal(found('store').state, 'skipped');
    assert.match(found('ClusterPeers').detail, /403 Forbidden/);
  });

  it('shows a status of pods and of what was written last', () => {
    const { code, stdout, stderr } = isthmus('cluster', 'status', '--output', 'json');
    assert.equal(code, 3, stderr);
    const { federation, clusterPeers, pods, cluster } = JSON.parse(stdout);
    assert.match(federation.unanswered, /there is none$/);
    assert.deepEqual([cluster, pods], ['east', []]);
    assert.deepEqual(
      clusterPeers.map(({ cluster: name }: { cluster: string }) => name),
      ['north', 'west'],
    );
    assert.match(isthmus('cluster', 'status').stdout, /^west +True +True +True +2026-01-01T00:00:00Z$/m);
  });

  function withPod(name: string, status: object, run: () => void): void {
    const labels = {
      'app.kubernetes.io/part-of': 'isthmus',
      'app.kubernetes.io/component': 'federation',
      'app.kubernetes.io/instance': 'isthmus',
    };
    const spec = {
      nodeName: 'nowhere',
      automountServiceAccountToken: false,
      containers: [{ name: 'federation', image: 'i' }],
    };
    chart.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: NAMESPACE, labels }, spec });
    say(`pod/${name}`, status);
    try {
      run();
    } finally {
      chart.kubectl(['delete', `pod/${name}`, '--grace-period=0', '--force']);
    }
  }
});

function peer(name: string): object {
  return { apiVersion: 'isthmus.io/v1alpha1', kind: 'ClusterPeer', metadata: { name } };
}

function conditionsOf(status: 'True' | 'False'): readonly object[] {
  const said = { status, reason: 'Said', message: 'of a test', lastTransitionTime: '2026-01-01T00:00:00Z' };
  return ['Connected', 'Trusted', 'Synced'].map((type) => ({ type, ...said }));
}

function containerStatus(of: object): object {
  return { name: 'federation', image: 'i', imageID: '', ready: false, restartCount: 7, ...of };
}
