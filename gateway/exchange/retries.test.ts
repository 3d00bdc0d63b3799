import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { status as grpcStatus } from '@grpc/grpc-js';
import { DEFAULT_RETRIES, type RetryPolicy } from '../../federation/model/request-policy.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { CURL_VERSIONS, curl } from '../../test/fixtures/curl.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { callGrpc, grpcMessage } from '../../test/fixtures/grpc-call.ts';
import { type Http2Answer, Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

interface Scene {
  readonly east: TestGateway;
  readonly west: TestGateway;
  readonly pod: Http2Backend;
  readonly port: number;
}

const QUICK = { ...DEFAULT_RETRIES, backoff: { baseMs: 5, maxMs: 10 } };

/** East, where clients are, and west over a trunk: its pod answers the first requests like this, and then well. */
async function scene(
  t: TestContext,
  retries: Partial<RetryPolicy>,
  { bad, times = 1, clock }: { bad: Http2Answer; times?: number; clock?: ManualClock },
): Promise<Scene> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  let left = times;
  const pod = await Http2Backend.start(t, (stream, headers) => {
    if (left-- > 0) bad(stream, headers);
    else echo(stream, headers);
  });
  const traffic = { retries: { ...QUICK, ...retries } };
  const payments = { name: 'payments', protocol: 'http2', traffic } as const;
  const { east, west } = await mesh.pair(payments, [pod.port], { east: { clock } });
  return { east, west, pod, port: await east.listenHttp() };
}

const echo: Http2Answer = (stream, headers) => {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    if (!headers['content-type']?.startsWith('application/grpc')) {
      stream.respond();
      stream.end(Buffer.concat(chunks));
      return;
    }
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(grpcMessage('well'));
  });
};

const answer =
  (status: number): Http2Answer =>
  (stream) => {
    stream.resume();
    stream.on('end', () => {
      stream.respond({ ':status': status });
      stream.end('not now');
    });
  };

const grpcAnswer =
  (code: number): Http2Answer =>
  (stream) => {
    stream.resume();
    stream.respond({ 'content-type': 'application/grpc', 'grpc-status': String(code) }, { endStream: true });
  };

describe('a retry', () => {
  for (const version of CURL_VERSIONS) {
    it(`hides a pod's 503 from curl ${version}, body and all`, { skip: missingTools('curl') }, async (t) => {
      const { east, west, pod, port } = await scene(t, { attempts: 2 }, { bad: answer(503), times: 2 });
      const body = 'x'.repeat(40_000);
      const got = await curl(port, version, ['--request', 'PUT', '--data', body]);
      assert.equal(got.status, 200);
      assert.equal(got.body, body);
      assert.equal(pod.requests.length, 3);
      assert.equal(east.seen[0]?.attempts, 3);
      assert.deepEqual(east.retried, ['failure', 'success']);
      assert.deepEqual(
        west.seen.map(({ attempts }) => attempts),
        [1, 1, 1],
        'only the gateway of the client retries',
      );
    });
  }

  it('ends with the last answer, which is marked', { skip: missingTools('curl') }, async (t) => {
    const { east, pod, port } = await scene(t, { attempts: 2 }, { bad: answer(503), times: 9 });
    const got = await curl(port, '--http1.1');
    assert.equal(got.status, 503);
    assert.equal(got.body, 'not now');
    assert.equal(pod.requests.length, 3);
    assert.equal(east.flags[0], 'URX');
  });

  it('is never made of a POST that may have been processed', { skip: missingTools('curl') }, async (t) => {
    for (const bad of [answer(503), (stream) => stream.close(2)] satisfies Http2Answer[]) {
      const { pod, port } = await scene(t, { attempts: 5, on: ['5xx'] }, { bad });
      const got = await curl(port, '--http1.1', ['--request', 'POST', '--data', 'once']);
      assert.ok(got.status >= 500);
      assert.equal(pod.requests.length, 1);
    }
  });

  it('is made of a POST whose path says so', { skip: missingTools('curl') }, async (t) => {
    const { pod, port } = await scene(t, { idempotentPaths: ['/charge/*'] }, { bad: answer(503) });
    const got = await curl(port, '--http1.1', ['--request', 'POST', '--data', 'twice'], '/charge/7?key=8');
    assert.equal(got.body, 'twice');
    assert.equal(pod.requests.length, 2);
  });

  it('is made when the stream was reset', { skip: missingTools('curl') }, async (t) => {
    const { east, port } = await scene(t, {}, { bad: (stream) => stream.close(2) });
    assert.equal((await curl(port, '--http2-prior-knowledge')).status, 200);
    assert.equal(east.seen[0]?.attempts, 2);
  });

  it('is made when an attempt took too long', { skip: missingTools('curl') }, async (t) => {
    const clock = new ManualClock(Date.now());
    const asked = Promise.withResolvers<void>();
    const { east, port } = await scene(t, { perTryTimeoutMs: 200 }, { bad: () => asked.resolve(), clock });
    const got = curl(port, '--http2-prior-knowledge');
    await asked.promise;
    // The time of the first attempt and the wait before the second, which has nearly all of its time yet.
    clock.advance(250);
    assert.equal((await got).status, 200);
    assert.equal(east.seen[0]?.attempts, 2);
  });

  it('is not made when the budget is used up, and that is told', {
    skip: missingTools('curl'),
  }, async (t) => {
    const budget = { percent: 0, minConcurrency: 0 };
    const { east, pod, port } = await scene(t, { budget }, { bad: answer(503) });
    assert.equal((await curl(port, '--http1.1')).status, 503);
    assert.equal(pod.requests.length, 1);
    assert.deepEqual(east.retried, ['budget-exhausted']);
    assert.equal(east.flags[0], 'UO');
  });

  it('waits for a pod that cannot be connected to', { skip: missingTools('curl') }, async (t) => {
    const mesh = await TestMesh.create(t, ['east']);
    const port = await freePort();
    const retries = { ...QUICK, attempts: 10, backoff: { baseMs: 200, maxMs: 200 } };
    const east = await mesh.gateway('east', {
      random: () => 0.9,
      services: [
        { name: 'payments', protocol: 'http', endpoints: [port], offeredBy: [], traffic: { retries } },
      ],
    });
    const asked = curl(await east.listenHttp(), '--http1.1', ['--data', 'once']);
    // The first attempt has failed.
    await until(() => east.engine.activeRetries === 1);
    const server = createServer((_request, response) => response.end('up again'));
    t.after(() => server.close());
    server.listen(port, '127.0.0.1');
    assert.equal((await asked).body, 'up again');
    assert.ok(Number(east.seen[0]?.attempts) > 1);
    assert.equal(east.retried.at(-1), 'success');
  });
});

describe('a retry of a gRPC call', () => {
  it('is made of methods that may be called twice', async (t) => {
    const retries = { on: ['unavailable'], idempotentPaths: ['/shop.Cart/Get'] } as const;
    const { port } = await scene(t, retries, { bad: grpcAnswer(grpcStatus.UNAVAILABLE) });
    const got = await callGrpc(t, port, '/shop.Cart/Get');
    assert.deepEqual([got.code, got.reply], [grpcStatus.OK, 'well']);
  });

  it('is not made of others, nor for statuses that are not named', async (t) => {
    const retries = { on: ['unavailable'], idempotentPaths: ['/shop.Cart/Get'] } as const;
    for (const [path, code] of [
      ['/shop.Cart/Add', grpcStatus.UNAVAILABLE],
      ['/shop.Cart/Get', grpcStatus.ABORTED],
    ] as const) {
      const { pod, port } = await scene(t, retries, { bad: grpcAnswer(code) });
      assert.equal((await callGrpc(t, port, path)).code, code);
      assert.equal(pod.requests.length, 1);
    }
  });
});
