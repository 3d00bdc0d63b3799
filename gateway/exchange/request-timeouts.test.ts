import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { status as grpcStatus } from '@grpc/grpc-js';
import type { RequestTimeouts } from '../../federation/model/request-policy.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { CURL_VERSIONS, curl } from '../../test/fixtures/curl.ts';
import { callGrpc } from '../../test/fixtures/grpc-call.ts';
import { type Http2Answer, Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client, responseOf } from '../../test/fixtures/http2-client.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const NONE: RequestTimeouts = { requestMs: undefined, backendRequestMs: undefined, idleMs: undefined };
const HOUR_MS = 3_600_000;

interface Scene {
  readonly east: TestGateway;
  readonly west: TestGateway;
  readonly port: number;
}

/** East, where clients are, and west over a trunk, with a pod that answers like this. */
async function scene(
  t: TestContext,
  timeouts: Partial<RequestTimeouts>,
  answer: Http2Answer,
  clock?: ManualClock,
): Promise<Scene> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pod = await Http2Backend.start(t, answer);
  const traffic = { timeouts: { ...NONE, ...timeouts } };
  const payments = { name: 'payments', protocol: 'http2', traffic } as const;
  const { east, west } = await mesh.pair(payments, [pod.port], { east: { clock } });
  return { east, west, port: await east.listenHttp() };
}

const quick: Http2Answer = (stream) => {
  stream.respond();
  stream.end('here');
};

describe('the timeout of a whole request', () => {
  for (const version of CURL_VERSIONS) {
    it(`is a 504 to curl ${version}, and the pod is told`, { skip: missingTools('curl') }, async (t) => {
      const given = Promise.withResolvers<number>();
      let reached = false;
      const { east, west, port } = await scene(t, { requestMs: 100 }, (stream) => {
        reached = true;
        stream.once('close', () => given.resolve(stream.rstCode));
      });
      // On a busy machine the time may be over before the first connections to the pod stand.
      while (!reached) {
        const answer = await curl(port, version);
        assert.equal(answer.status, 504);
        assert.equal(answer.body, 'The upstream did not answer in time.\n');
        assert.equal(east.seen.at(-1)?.failure, 'upstreamTimeout');
      }
      assert.notEqual(await given.promise, 0, 'the pod must not go on for nobody');
      assert.equal(west.seen[0]?.failure, 'downstreamGone', 'only the gateway of the client bounds it');
    });
  }

  it('is DEADLINE_EXCEEDED to a gRPC client that set no deadline', async (t) => {
    const { east, port } = await scene(t, { requestMs: 100 }, () => undefined);
    assert.equal((await callGrpc(t, port, '/shop.Cart/Get')).code, grpcStatus.DEADLINE_EXCEEDED);
    assert.equal(east.seen[0]?.protocol, 'grpc');
  });

  it('lets what is in time pass', { skip: missingTools('curl') }, async (t) => {
    const { east, port } = await scene(t, { requestMs: HOUR_MS, backendRequestMs: HOUR_MS }, quick);
    for (const version of CURL_VERSIONS) assert.equal((await curl(port, version)).body, 'here');
    assert.deepEqual(
      east.seen.map(({ failure }) => failure),
      [undefined, undefined],
    );
  });

  it('breaks a response that has begun', async (t) => {
    const clock = new ManualClock(Date.now());
    const answer: Http2Answer = (stream) => {
      stream.respond();
      stream.write('half');
    };
    const { east, port } = await scene(t, { requestMs: 200 }, answer, clock);
    const stream = new Http2Client(t, port).open({});
    const response = responseOf(stream);
    await once(stream, 'response');
    clock.advance(220);
    await assert.rejects(response);
    assert.equal(east.seen[0]?.status, 200);
    assert.equal(east.seen[0]?.failure, 'upstreamTimeout');
  });

  it('of 0 takes the place of the bound that all gateways have', async (t) => {
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const { east, port } = await scene(t, { requestMs: 0 }, (stream, headers) => {
      asked.resolve();
      void released.promise.then(() => quick(stream, headers));
    });
    const response = new Http2Client(t, port).request();
    await asked.promise;
    east.engine.onTick(performance.now() + HOUR_MS);
    released.resolve();
    assert.equal((await response).status, 200);
  });
});

describe('the timeout of one attempt', () => {
  it('is the end of the request where nothing is retried', { skip: missingTools('curl') }, async (t) => {
    const { east, port } = await scene(t, { requestMs: HOUR_MS, backendRequestMs: 100 }, () => undefined);
    assert.equal((await curl(port, '--http1.1')).status, 504);
    assert.equal(east.seen[0]?.failure, 'upstreamTimeout');
    assert.equal(east.seen[0]?.attempts, 1);
  });
});

describe('the idle timeout', () => {
  it('lets a response trickle, and ends it when nothing comes any more', async (t) => {
    const clock = new ManualClock(Date.now());
    const asked = Promise.withResolvers<Parameters<Http2Answer>[0]>();
    const { east, port } = await scene(t, { idleMs: 300 }, (stream) => asked.resolve(stream), clock);
    const stream = new Http2Client(t, port).open({});
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const ended = assert.rejects(once(stream, 'end'));
    const pod = await asked.promise;
    pod.respond();
    for (let i = 1; i <= 10; i++) {
      pod.write('x');
      await until(() => bytes === i || stream.closed);
      clock.advance(200);
    }
    clock.advance(320);
    await ended;
    assert.equal(bytes, 10);
    assert.equal(east.seen[0]?.failure, 'idleTimeout');
  });

  it('is a 504 where nothing came at all', { skip: missingTools('curl') }, async (t) => {
    const { port } = await scene(t, { idleMs: 100 }, () => undefined);
    const answer = await curl(port, '--http2-prior-knowledge');
    assert.equal(answer.status, 504);
    assert.equal(answer.body, 'Nothing was sent in either direction for too long.\n');
  });
});
