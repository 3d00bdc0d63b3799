import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
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

/** The other end of a WebSocket, as far as an exec needs one (RFC 6455). */
interface Kubelet {
  /** Says something on a channel. */
  say(channel: number, text: string): void;
  /** Ends the connection without a word. */
  hangUp(): void;
}

const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A server that takes an exec and does with it what the test says; told of what comes from the client. */
function takeExec(
  server: KubeProtocolServer,
  act: (kubelet: Kubelet, heard: (channel: number) => string | undefined) => void,
  protocol = 'v5.channel.k8s.io',
): void {
  server.onUpgrade((request, socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}${KEY_SUFFIX}`)
      .digest('base64');
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    head.push(`Sec-WebSocket-Accept: ${accept}`, `Sec-WebSocket-Protocol: ${protocol}`, '', '');
    socket.write(head.join('\r\n'));
    socket.on('error', () => socket.destroy());
    const told = new Map<number, string>();
    const kubelet = {
      say: (channel: number, text: string) => writeFrame(socket, channel, text),
      hangUp: () => socket.destroy(),
    };
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let frame = shortFrame(bytes); frame !== undefined; frame = shortFrame(bytes)) {
        bytes = bytes.subarray(frame.length);
        const [channel = 0] = frame.payload;
        told.set(channel, `${told.get(channel) ?? ''}${frame.payload.subarray(1)}`);
      }
      act(kubelet, (channel) => told.get(channel));
    });
    if (request.url?.includes('stdin=true') !== true) act(kubelet, () => undefined);
  });
}

function writeFrame(socket: Duplex, channel: number, text: string): void {
  const payload = Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);
  const head = Buffer.alloc(10);
  head[0] = 0x82;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  socket.write(Buffer.concat([head, payload]));
}

/** The first frame of a client, masked and of less than 126 bytes; undefined while it is not whole. */
function shortFrame(bytes: Buffer): { readonly payload: Buffer; readonly length: number } | undefined {
  const size = (bytes[1] ?? 0) & 0x7f;
  const length = 6 + size;
  if (bytes.length < 2 || bytes.length < length) return undefined;
  const mask = bytes.subarray(2, 6);
  const payload = Buffer.from(bytes.subarray(6, length)).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return { payload: Buffer.from(payload), length };
}

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

  it('needs an API server by which stdin can end', async (t) => {
    const { server, client } = await scene(t);
    takeExec(server, ({ say }) => say(3, SUCCESS), 'v4.channel.k8s.io');
    await assert.rejects(client.exec(PROGRAM), /needs Kubernetes 1.30 or later/);
    assert.equal((await client.exec(WITHOUT_STDIN)).exitCode, 0);
  });
});
