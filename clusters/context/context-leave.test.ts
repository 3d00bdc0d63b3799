import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { takeExec } from '../../test/fixtures/kubelet-exec.ts';
import { EAST_REPORT } from '../../test/fixtures/program-reports.ts';
import type { Confirm } from '../commands/confirmation.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { leaveByContext } from './context-leave.ts';
import { KubernetesSite, type Release } from './kubernetes-site.ts';

const RELEASE = { namespace: 'isthmus-system', instance: 'isthmus', cluster: 'east' } as Release;
/** Of whatever is listed there is one, which is a pod that is ready. */
const ONE = {
  metadata: { name: 'isthmus-federation-1', namespace: 'isthmus-system' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};

/** A cluster of which only the pod says something: its status, and that it does not leave. */
class Scene {
  readonly captured = new CapturedOutput('text', { isTTY: true });
  readonly ran: string[] = [];
  readonly asked: string[] = [];
  readonly #site: KubernetesSite;

  private constructor(server: KubeProtocolServer, isMember: boolean) {
    server.answer = ({ path }, response) => {
      const items = path.endsWith('/secrets') && !isMember ? [] : [ONE];
      response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items }));
    };
    const federation = { ...EAST_REPORT, onlyHere: ['shop/cart'] };
    const status = { cluster: 'east', clusterset: 'mesh.example', trustHome: true, federation };
    takeExec(server, ({ say, command }) => {
      this.ran.push(command.slice(1).join(' '));
      if (command.includes('status')) {
        say(1, JSON.stringify(status));
        say(3, JSON.stringify({ status: 'Success' }));
        return;
      }
      say(2, 'error: not today\n');
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
