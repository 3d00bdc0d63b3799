import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import type { PodProgram } from './pod-exec.ts';

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
