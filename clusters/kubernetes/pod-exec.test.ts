import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { type Kubelet, takeExec } from '../../test/fixtures/kubelet-exec.ts';
import { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { MAX_EXEC_OUTPUT_BYTES, type PodProgram } from './pod-exec.ts';

const PROGRAM: PodProgram = {
  namespace: 'isthmus-system',
  pod: 'a/../b',
  container: 'federation',
  command: ['isthmus', 'cluster', 'join', '-'],
  stdin: 'secret',
};

async function scene(t: TestContext): Promise<{ server: KubeProtocolServer; client: KubeClient }> {
  const server = await KubeProtocolServer.start(t);
  const client = new KubeClient(server.credentials);
  t.after(() => client.close());
  return { server, client };
}

/** What a real API server and a real pod say is tried in test/kube. */
describe('a program in a pod', () => {
  it('is asked for in the pod that was meant, without what it is handed', async (t) => {
    const { server, client } = await scene(t);
    server.answer = (_, response) => response.writeHead(403).end();
    await assert.rejects(client.exec(PROGRAM), (failure) => {
      assert.ok(failure instanceof KubeError);
      assert.deepEqual([failure.status, failure.reason], [403, 'Forbidden']);
      assert.equal(failure.message, 'exec in pod isthmus-system/a/../b: the API server answers with 403');
      return true;
    });
    const [request] = server.requests;
    assert.equal(request?.path, '/api/v1/namespaces/isthmus-system/pods/a%2F..%2Fb/exec');
    assert.deepEqual(request.query.getAll('command'), PROGRAM.command);
    assert.deepEqual(
      ['container', 'stdin', 'stdout', 'stderr'].map((name) => request.query.get(name)),
      ['federation', 'true', 'true', 'true'],
    );
    assert.equal(request.headers.authorization, 'Bearer of-a-test');
    assert.ok(!JSON.stringify(request).includes('secret'));
  });

  it('is not waited for longer than its time, nor after the signal', async (t) => {
    const { server, client } = await scene(t);
    server.answer = () => {};
    await assert.rejects(
      client.exec(PROGRAM, { timeoutMs: 50 }),
      (failure) => failure instanceof KubeError && failure.reason === 'Timeout',
    );
    const reason = new Error('enough');
    const ended = new AbortController();
    const running = client.exec(PROGRAM, { signal: ended.signal });
    ended.abort(reason);
    await assert.rejects(running, reason);
    await assert.rejects(client.exec(PROGRAM, { signal: ended.signal }), reason);
  });
});

const SUCCESS = JSON.stringify({ status: 'Success' });
const WITHOUT_STDIN: PodProgram = { ...PROGRAM, stdin: undefined };

describe('what a program in a pod says', () => {
  it('comes with its exit code, after all of stdin was handed over', async (t) => {
    const { server, client } = await scene(t);
    takeExec(server, ({ say }, heard) => {
      // Channel 255 closes another: stdin, which is 0.
      if (heard(255) !== '\0') return;
      say(1, `heard ${heard(0)}`);
      say(2, 'and then');
      say(1, ', ended');
      const causes = [{ reason: 'ExitCode', message: '3' }];
      say(3, JSON.stringify({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes } }));
    });
    assert.deepEqual(await client.exec(PROGRAM), {
      stdout: 'heard secret, ended',
      stderr: 'and then',
      exitCode: 3,
    });
  });

  const endings: readonly (readonly [string, (kubelet: Kubelet) => void, string, RegExp])[] = [
    [
      'a container that is not there',
      ({ say }) => say(3, JSON.stringify({ status: 'Failure', message: 'container not found' })),
      'Malformed',
      /container not found/,
    ],
    ['a last word that is none', ({ say }) => say(3, 'over'), 'Malformed', /its last word is no Status/],
    [
      'an exit code that is none',
      ({ say }) =>
        say(
          3,
          JSON.stringify({
            status: 'Failure',
            details: { causes: [{ reason: 'ExitCode', message: 'many' }] },
          }),
        ),
      'Malformed',
      /failed without a reason/,
    ],
    [
      'a connection that breaks',
      ({ say, hangUp }) => {
        say(1, 'half');
        hangUp();
      },
      'Unreachable',
      /ended before the program/,
    ],
    [
      'more output than anybody reads',
      ({ say }) => {
        for (let part = 0; part < 3; part++) say(1, 'x'.repeat(MAX_EXEC_OUTPUT_BYTES / 2));
      },
      'TooLarge',
      /says too much/,
    ],
  ];
  for (const [what, act, reason, message] of endings) {
    it(`is told as a failure: ${what}`, async (t) => {
      const { server, client } = await scene(t);
      takeExec(server, act);
      await assert.rejects(client.exec(WITHOUT_STDIN), (failure) => {
        assert.ok(failure instanceof KubeError, String(failure));
        assert.equal(failure.reason, reason);
        assert.match(failure.message, message);
        return true;
      });
    });
  }

  it('is handed on as it comes, of any length, to whoever takes it so', async (t) => {
    const { server, client } = await scene(t);
    const part = 'x'.repeat(MAX_EXEC_OUTPUT_BYTES / 2);
    takeExec(server, ({ say }) => {
      for (let parts = 0; parts < 5; parts++) say(1, part);
      say(2, 'a remark');
      say(3, SUCCESS);
    });
    let bytes = 0;
    const onStdout = (chunk: Uint8Array): void => {
      bytes += chunk.length;
    };
    const ran = await client.exec(WITHOUT_STDIN, { onStdout });
    assert.deepEqual(ran, { stdout: '', stderr: 'a remark', exitCode: 0 });
    assert.equal(bytes, 5 * part.length);
  });

  it('needs an API server by which stdin can end', async (t) => {
    const { server, client } = await scene(t);
    takeExec(server, ({ say }) => say(3, SUCCESS), 'v4.channel.k8s.io');
    await assert.rejects(client.exec(PROGRAM), /needs Kubernetes 1.30 or later/);
    assert.equal((await client.exec(WITHOUT_STDIN)).exitCode, 0);
  });
});
