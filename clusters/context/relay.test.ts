import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { namedFolder } from '../../test/fixtures/cluster-plan.ts';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { type Kubelet, takeExec } from '../../test/fixtures/kubelet-exec.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import type { OutputFormat } from '../commands/command-output.ts';
import type { ServiceReport } from '../commands/programs.ts';
import { serviceListCommand } from '../commands/service-list-command.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { KubernetesSite, type Release } from './kubernetes-site.ts';
import type { OpenRelease } from './open-release.ts';
import { relay } from './relay.ts';

const SERVICES = 10_000;
/** As an API server cuts what a program says. */
const FRAME_BYTES = 32 * 1024;
const RELEASE = { namespace: 'isthmus-system', instance: 'isthmus', cluster: 'east' } as Release;
const READY_POD = {
  metadata: { name: 'isthmus-federation-1' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};

/** A cluster with one pod that does with what is asked of it what the test says. */
async function open(t: TestContext, act: (kubelet: Kubelet) => void): Promise<OpenRelease> {
  const server = await KubeProtocolServer.start(t);
  server.answer = (_, response) =>
    response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [READY_POD] }));
  takeExec(server, act);
  const site = new KubernetesSite('test', new KubeClient(server.credentials), new AbortController().signal);
  t.after(() => site.close());
  return { site, release: RELEASE };
}

/** What the command says in the pod, of very many services. */
async function longList(t: TestContext, format: OutputFormat): Promise<string> {
  const dir = tempFolder(t);
  await namedFolder(dir);
  const report = (index: number): ServiceReport => ({
    service: `shop/service-with-a-name-of-some-length-${index}`,
    type: 'ClusterSetIP',
    exported: 'no',
    ports: [{ name: 'http', port: 80, protocol: 'http' }],
    clusters: ['west', 'north'].map((cluster) => ({ cluster, hosts: 25, healthy: 24, health: 'steady' })),
    conflicts: ['west: its port is called “naïve”, and others say “web”'],
  });
  const services = Array.from({ length: SERVICES }, (_, index) => report(index));
  const captured = new CapturedOutput(format);
  await serviceListCommand({ dir }, { output: captured.output, programs: programsOf(services) });
  return captured.stdout;
}

function programsOf(services: readonly ServiceReport[]) {
  const other = (): never => assert.fail('not asked');
  return {
    askServices: async () => services,
    askFederation: other,
    askGateway: other,
  } as unknown as Parameters<typeof serviceListCommand>[1]['programs'];
}

describe('a command in a pod', () => {
  for (const format of ['text', 'json'] as const) {
    it(`shows a list of any length, as it comes: ${SERVICES} services as ${format}`, async (t) => {
      const list = await longList(t, format);
      const bytes = Buffer.from(list);
      assert.ok(bytes.length > 1024 * 1024, `${bytes.length} bytes`);
      const opened = await open(t, ({ say }) => {
        for (let from = 0; from < bytes.length; from += FRAME_BYTES) {
          say(1, bytes.subarray(from, from + FRAME_BYTES));
        }
        say(3, JSON.stringify({ status: 'Success' }));
      });
      const captured = new CapturedOutput(format);
      await relay(opened, ['service', 'list'], captured.output);
      assert.ok(captured.stdout === list, `${captured.stdout.length} of ${list.length} characters`);
    });
  }

  it('says why it failed, with its exit code', async (t) => {
    const opened = await open(t, ({ say }) => {
      say(2, 'error: the federation service waits for a clusterset\nhint: wait too\n');
      const causes = [{ reason: 'ExitCode', message: '3' }];
      say(3, JSON.stringify({ status: 'Failure', details: { causes } }));
    });
    const captured = new CapturedOutput();
    await assert.rejects(relay(opened, ['service', 'list'], captured.output), (failure) => {
      assert.ok(failure instanceof UserError);
      const { message, hint, exitCode } = failure;
      assert.deepEqual(
        [message, hint, exitCode],
        ['east: the federation service waits for a clusterset', 'wait too', 3],
      );
      return true;
    });
    assert.equal(captured.stdout, '');
  });
});
