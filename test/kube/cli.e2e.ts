import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { z } from 'zod';
import { installRelease, register } from './isthmus-release.ts';
import { JourneyScene } from './journey/scene.ts';
import { steps } from './kube-suite.ts';
import { missingNodes } from './requirement.ts';

const launcher = join(import.meta.dirname, '../../cli.ts');
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

/** The command by contexts, from where a person has a kubeconfig, against real pods. */
describe('commands by context', { skip: missingNodes() }, () => {
  const scene = new JourneyScene();
  const suite = steps(() => scene.clusters);
  before(() => scene.begin(suite));

  function isthmus(...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, KUBECONFIG: scene.kubeconfig };
    const ran = spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8', env });
    return { code: ran.status, stdout: ran.stdout, stderr: ran.stderr };
  }

  function json<T>(schema: z.ZodType<T>, ...args: readonly string[]): T {
    const { code, stdout, stderr } = isthmus(...args, '--output', 'json');
    assert.equal(code, 0, stderr + stdout);
    return schema.parse(JSON.parse(stdout));
  }

  it('check and list two members', async () => {
    const { east, west, kubeconfig } = scene;
    await Promise.all([installRelease(east, { store: true }), installRelease(west, { store: false })]);
    await register(kubeconfig, west, east);
    const { steps: found } = await west.until('every check to pass', async () => {
      const { code, stdout } = isthmus('cluster', 'check', '--context', 'west', '--output', 'json');
      return code === 0 ? report.parse(JSON.parse(stdout)) : undefined;
    });
    const names = found.map(({ name }) => name).join('\n');
    for (const name of [
      /^TLS to east at /m,
      /^trunk of isthmus-gateway-\S+ to east$/m,
      /^propagation to /m,
    ]) {
      assert.match(names, name);
    }
    assert.match(isthmus('cluster', 'list', '--context', 'west').stdout, /^east +synced /m);
  });

  it('tell the status of every pod, with its trunks', () => {
    const { pods } = json(status, 'cluster', 'status', '--context', 'west');
    assert.deepEqual(pods.map(({ component, ready }) => [component, ready]).sort(), [
      ['federation', true],
      ['gateway', true],
      ['gateway', true],
    ]);
    assert.match(isthmus('cluster', 'status', '--context', 'west').stdout, /east up for /);
  });

  it('export a service, list it, and explain where its requests go', async () => {
    const exported = isthmus('service', 'export', 'web.default', '--context', 'west');
    assert.equal(exported.code, 0, exported.stderr);
    await scene.east.until('the service in east', async () => {
      const list = json(services, 'service', 'list', '--context', 'east', '--in', 'default');
      const web = list.services.find(({ service }) => service === 'default/web');
      return web?.importedFrom.includes('west') === true ? true : undefined;
    });
    const why = isthmus('why', 'default/web', '--context', 'east');
    assert.equal(why.code, 0, why.stderr);
    assert.match(why.stdout, /west/);
  });

  it('leave: not by accident, and then with all that was imported', async () => {
    const { west } = scene;
    const asked = isthmus('cluster', 'leave', '--context', 'west');
    assert.notEqual(asked.code, 0);
    assert.match(asked.stderr, /default\/web/);
    await west.kubectl(['scale', 'deployment/isthmus-federation', '-n', 'isthmus-system', '--replicas=2']);
    await west.rolledOut('deployment/isthmus-federation', {}, '-n', 'isthmus-system');
    const left = isthmus('cluster', 'leave', '--context', 'west', '--force', '--output', 'json');
    assert.equal(left.code, 0, left.stderr);
    const ours = [
      'services,endpointslices,serviceimports',
      '-A',
      '-l',
      'app.kubernetes.io/managed-by=isthmus',
    ];
    assert.equal(await west.kubectl(['get', ...ours, '-o', 'name']), '');
    assert.equal(isthmus('service', 'unexport', 'default/web', '--context', 'west').code, 0);
    const lonely = isthmus('cluster', 'check', '--context', 'west');
    assert.equal(lonely.code, 3);
    assert.match(lonely.stdout, /membership: the cluster is a member of no clusterset/);
  });
});
