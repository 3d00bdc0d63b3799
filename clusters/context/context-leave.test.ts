import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { clusterPlan } from '../../test/fixtures/cluster-plan.ts';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { takeExec } from '../../test/fixtures/kubelet-exec.ts';
import { leaveMeanwhile } from '../../test/fixtures/other-replica.ts';
import { EAST_REPORT } from '../../test/fixtures/program-reports.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import type { Confirm } from '../commands/confirmation.ts';
import { leaveCommand } from '../commands/leave-command.ts';
import { initCluster } from '../folder/init.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { leaveByContext } from './context-leave.ts';
import { KubernetesSite, type Release } from './kubernetes-site.ts';

const RELEASE = { namespace: 'isthmus-system', instance: 'isthmus', cluster: 'east' } as Release;
/** Of whatever is listed there is one, which is a pod that is ready. */
const ONE = {
  metadata: { name: 'isthmus-federation-1', namespace: 'isthmus-system' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};

/** A cluster of which only the pod says something: its status, and, where nothing else is planned, that it does not leave. */
class Scene {
  /** By look: services that no other cluster offers; the last is seen again. */
  readonly onlyHere: string[][] = [['shop/cart']];
  /** What leaving comes to, try by try. */
  readonly answers: { readonly stdout: string; readonly stderr: string }[] = [];
  readonly captured = new CapturedOutput('text', { isTTY: true });
  readonly ran: string[] = [];
  readonly asked: string[] = [];
  readonly #site: KubernetesSite;

  private constructor(server: KubeProtocolServer, isMember: boolean) {
    server.answer = ({ path }, response) => {
      const items = path.endsWith('/secrets') && !isMember ? [] : [ONE];
      response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items }));
    };
    takeExec(server, ({ say, command }) => {
      this.ran.push(command.slice(1).join(' '));
      if (command.includes('status')) {
        const [onlyHere = []] = this.onlyHere.length > 1 ? this.onlyHere.splice(0, 1) : this.onlyHere;
        const federation = { ...EAST_REPORT, onlyHere };
        const status = { cluster: 'east', clusterset: 'mesh.example', trustHome: true, federation };
        say(1, JSON.stringify(status));
        say(3, JSON.stringify({ status: 'Success' }));
        return;
      }
      const { stdout, stderr } = this.answers.shift() ?? { stdout: '', stderr: 'error: not today\n' };
      if (stdout !== '') say(1, stdout);
      say(2, stderr);
      const causes = [{ reason: 'ExitCode', message: '1' }];
      say(3, JSON.stringify({ status: 'Failure', details: { causes } }));
    });
    this.#site = new KubernetesSite('test', new KubeClient(server.credentials), new AbortController().signal);
  }

  static async make(t: TestContext, isMember = true): Promise<Scene> {
    const scene = new Scene(await KubeProtocolServer.start(t), isMember);
    t.after(() => scene.#site.close());
    return scene;
  }

  leave(answer: boolean | undefined, flags: { readonly yes?: boolean } = {}): Promise<void> {
    const confirm: Confirm = async (question) => {
      this.asked.push(question);
      return answer === true;
    };
    return leaveByContext({ site: this.#site, release: RELEASE }, flags, {
      output: this.captured.output,
      signal: new AbortController().signal,
      confirm: answer === undefined ? undefined : confirm,
    });
  }
}

/** As the command in the pod says it. */
async function answerOfOther(t: TestContext): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const dir = tempFolder(t);
  await initCluster(clusterPlan(dir));
  const captured = new CapturedOutput('json');
  const programs = {
    askFederation: async () => EAST_REPORT,
    leave: (_file: string, cluster: string) => leaveMeanwhile(cluster),
  };
  const [left] = await Promise.allSettled([
    leaveCommand({ dir, force: true }, { output: captured.output, programs }),
  ]);
  assert.ok(left?.status === 'rejected' && left.reason instanceof UserError);
  return { stdout: captured.stdout, stderr: `error: ${left.reason.message}\n` };
}

describe('isthmus cluster leave --context', () => {
  it('shows at a terminal what ends, what is removed and what speaks against it, and does nothing after a no', async (t) => {
    const scene = await Scene.make(t);
    await assert.rejects(scene.leave(false), /^UserError: not left: nothing was changed$/);
    assert.deepEqual(scene.ran, ['cluster status --output json']);
    const shown = scene.captured.stderr;
    assert.match(shown, /^east would leave mesh\.example:$/m);
    assert.match(
      shown,
      /^ {2}- what was imported is removed: 1 serviceimports, 1 endpointslices, 1 services$/m,
    );
    assert.match(shown, /^ {2}! no other cluster offers shop\/cart$/m);
    assert.match(shown, /^ {2}! it holds the root: /m);
  });

  it('takes a yes for all that it showed', async (t) => {
    const scene = await Scene.make(t);
    await assert.rejects(scene.leave(true), /^UserError: east: not today$/);
    assert.deepEqual(scene.asked, ['Leave?']);
    assert.equal(scene.ran.at(-1), 'cluster leave --output json --yes --force');
  });

  it('asks again about what speaks against it only since the question', async (t) => {
    const scene = await Scene.make(t);
    scene.onlyHere.push(['shop/cart', 'shop/pay'], ['shop/pay']);
    await assert.rejects(scene.leave(true), /not today/);
    assert.deepEqual(scene.asked, ['Leave?', 'Leave?']);
    assert.match(scene.captured.stderr, /^ {2}! no other cluster offers shop\/cart, shop\/pay$/m);
    assert.deepEqual(scene.ran.slice(0, -1), Array(3).fill('cluster status --output json'));
    assert.equal(scene.ran.at(-1), 'cluster leave --output json --yes --force');
  });

  it('tries again when another replica came to publish meanwhile, but not for ever', async (t) => {
    const scene = await Scene.make(t);
    const answer = await answerOfOther(t);
    scene.answers.push(answer);
    await assert.rejects(scene.leave(undefined, { yes: true }), /^UserError: east: not today$/);
    assert.equal(scene.ran.length, 2);
    scene.answers.push(answer, answer, answer, answer);
    await assert.rejects(scene.leave(undefined, { yes: true }), /another replica came to publish meanwhile/);
    assert.equal(scene.ran.length, 5);
  });

  it('asks nobody who said it, and where nobody sits lets the cluster itself refuse', async (t) => {
    const scene = await Scene.make(t);
    await assert.rejects(scene.leave(true, { yes: true }), /not today/);
    await assert.rejects(scene.leave(undefined), /not today/);
    assert.deepEqual(scene.ran, ['cluster leave --output json --yes', 'cluster leave --output json']);
    assert.deepEqual(scene.asked, []);
  });

  it('asks before it removes what an earlier membership left', async (t) => {
    const scene = await Scene.make(t, false);
    await assert.rejects(scene.leave(false), /^UserError: nothing was changed$/);
    assert.deepEqual([scene.asked, scene.ran], [['Remove what is left?'], []]);
  });
});
