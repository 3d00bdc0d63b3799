import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { z } from 'zod';
import { NAMESPACE } from '../isthmus-release.ts';
import type { JourneyScene } from './scene.ts';

const launcher = join(import.meta.dirname, '../../../cli.ts');
const OURS = ['services,endpointslices,serviceimports', '-A', '-l', 'app.kubernetes.io/managed-by=isthmus'];

const report = z.object({
  ok: z.boolean(),
  steps: z.array(z.object({ name: z.string(), state: z.string() })),
});
const status = z.object({
  pods: z.array(z.object({ component: z.string(), ready: z.boolean(), gateway: z.unknown() })),
});
const services = z.object({
  services: z.array(
    z.object({ service: z.string(), exported: z.string(), importedFrom: z.array(z.string()) }),
  ),
});

/** A second name for the pods of `web`, which no other cluster has. */
const TILL = `
apiVersion: v1
kind: Service
metadata: {name: till, namespace: default}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
`;

/** The command by contexts, from where a person has a kubeconfig, against real pods. */
export function commandSteps(scene: JourneyScene): void {
  const { isthmus, json, importedFrom } = commands(scene);

  it('checks and lists two members by context', async () => {
    const { west } = scene;
    const { steps: found } = await west.until('every check to pass', async () => {
      const { code, stdout } = isthmus('cluster', 'check', '--context', 'west', '--output', 'json');
      return code === 0 ? report.parse(JSON.parse(stdout)) : undefined;
    });
    const names = found.map(({ name }) => name).join('\n');
    for (const name of [
      /^schemas$/m,
      /^TLS to east at /m,
      /^trunk of isthmus-gateway-\S+ to east$/m,
      /^propagation to /m,
    ]) {
      assert.match(names, name);
    }
    assert.match(isthmus('cluster', 'list', '--context', 'west').stdout, /^east +synced /m);
  });

  it('tells the status of every pod by context, with its trunks', () => {
    const { pods } = json(status, 'cluster', 'status', '--context', 'west');
    assert.deepEqual(pods.map(({ component, ready }) => [component, ready]).sort(), [
      ['federation', true],
      ['gateway', true],
      ['gateway', true],
    ]);
    assert.match(isthmus('cluster', 'status', '--context', 'west').stdout, /east up for /);
  });

  it('exports a service by context, lists it, explains where its requests go, and takes it back', async () => {
    const { east, west } = scene;
    await west.apply(TILL);
    const exported = isthmus('service', 'export', 'till.default', '--context', 'west');
    assert.equal(exported.code, 0, exported.stderr);
    await east.until(
      'the service in east',
      async () => (await importedFrom('till')).includes('west') || undefined,
    );
    const why = isthmus('why', 'default/till', '--context', 'east');
    assert.equal(why.code, 0, why.stderr);
    assert.match(why.stdout, /west/);
    assert.equal(isthmus('service', 'unexport', 'default/till', '--context', 'west').code, 0);
    await east.until(
      'nothing of it in east',
      async () => (await importedFrom('till')).length === 0 || undefined,
    );
  });
}

/** The store is the chart's own, and has no volume here. */
export function storeStep(scene: JourneyScene): void {
  const { isthmus, importedFrom } = commands(scene);

  it('recovers when the store starts anew with nothing in it, its users included', async () => {
    const { east, west } = scene;
    const inStore = ['-n', NAMESPACE, '-l', 'app.kubernetes.io/component=redis'];
    await east.kubectl(['delete', 'pod', ...inStore, '--wait=true']);
    await east.rolledOut('deployment/isthmus-redis', {}, '-n', NAMESPACE);
    assert.equal(isthmus('service', 'export', 'till.default', '--context', 'west').code, 0);
    await east.until(
      'what west says now',
      async () => (await importedFrom('till')).includes('west') || undefined,
    );
    for (const context of ['east', 'west']) {
      await west.until(`every check of ${context} to pass`, async () => {
        return isthmus('cluster', 'check', '--context', context).code === 0 ? true : undefined;
      });
    }
    assert.equal(isthmus('service', 'unexport', 'default/till', '--context', 'west').code, 0);
  });
}

/** The end of a membership, by context and with several replicas. */
export function leavingByCommand(scene: JourneyScene): void {
  const { isthmus } = commands(scene);

  it('leaves by context: not by accident, and then with all that was imported', async () => {
    const { west } = scene;
    assert.equal(isthmus('service', 'export', 'till.default', '--context', 'west').code, 0);
    const asked = isthmus('cluster', 'leave', '--context', 'west');
    assert.notEqual(asked.code, 0);
    assert.match(asked.stderr, /default\/till/);
    await west.kubectl(['scale', 'deployment/isthmus-federation', '-n', NAMESPACE, '--replicas=2']);
    await west.rolledOut('deployment/isthmus-federation', {}, '-n', NAMESPACE);
    const left = isthmus('cluster', 'leave', '--context', 'west', '--force', '--output', 'json');
    assert.equal(left.code, 0, left.stderr);
    assert.equal(await west.kubectl(['get', ...OURS, '-o', 'name']), '');
    assert.equal(isthmus('service', 'unexport', 'default/till', '--context', 'west').code, 0);
    const lonely = isthmus('cluster', 'check', '--context', 'west');
    assert.equal(lonely.code, 3);
    assert.match(lonely.stdout, /membership: the cluster is a member of no clusterset/);
  });
}

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function commands(scene: JourneyScene) {
  const isthmus = (...args: readonly string[]): Ran => {
    const env = { ...process.env, KUBECONFIG: scene.kubeconfig };
    const ran = spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8', env });
    return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
  };
  const json = <T>(schema: z.ZodType<T>, ...args: readonly string[]): T => {
    const { code, stdout, stderr } = isthmus(...args, '--output', 'json');
    assert.equal(code, 0, stderr + stdout);
    return schema.parse(JSON.parse(stdout));
  };
  /** Clusters of which east imports a service of the namespace `default`. */
  const importedFrom = async (name: string): Promise<readonly string[]> => {
    const list = json(services, 'service', 'list', '--context', 'east', '--in', 'default');
    return list.services.find(({ service }) => service === `default/${name}`)?.importedFrom ?? [];
  };
  return { isthmus, json, importedFrom };
}
