import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { status as grpcStatus } from '@grpc/grpc-js';
import type { FaultInjection } from '../../federation/model/fault-injection.ts';
import { CURL_VERSIONS, curl } from '../../test/fixtures/curl.ts';
import { callGrpc } from '../../test/fixtures/grpc-call.ts';
import { Http1Backend } from '../../test/fixtures/http1-backend.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const ALWAYS = 100;
const NONE: FaultInjection = { headers: [], delay: undefined, abort: undefined };

async function scene(t: TestContext, faults: Partial<FaultInjection>, random = Math.random) {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pod = await Http1Backend.start(t, 'pod');
  const traffic = { faultInjection: { ...NONE, ...faults } };
  const service = { name: 'payments', protocol: 'http', traffic } as const;
  const { east, west } = await mesh.pair(service, [pod.port], { east: { random } });
  return { pod, east, west, port: await east.listenHttp() };
}

describe('an abort on purpose', () => {
  for (const version of CURL_VERSIONS) {
    it(`answers curl ${version} with its status, and says so`, { skip: missingTools('curl') }, async (t) => {
      const abort = { httpStatus: 418, grpcStatus: undefined, percentage: ALWAYS };
      const { pod, east, port } = await scene(t, { abort });
      const got = await curl(port, version);
      assert.equal(got.status, 418);
      assert.equal(got.body, 'A policy made this request fail on purpose.\n');
      assert.equal(pod.requests.length, 0);
      assert.deepEqual(east.flags, ['FI']);
      assert.equal(east.seen[0]?.status, 418);
    });
  }

  it('gives a gRPC call its own status, or what the HTTP status means', async (t) => {
    const both = { httpStatus: 503, grpcStatus: grpcStatus.ABORTED, percentage: ALWAYS };
    const first = await scene(t, { abort: both });
    assert.equal((await callGrpc(t, first.port, '/shop.Cart/Get')).code, grpcStatus.ABORTED);
    const http = { httpStatus: 404, grpcStatus: undefined, percentage: ALWAYS };
    const second = await scene(t, { abort: http });
    assert.equal((await callGrpc(t, second.port, '/shop.Cart/Get')).code, grpcStatus.UNIMPLEMENTED);
  });

  it('meets requests by their host', { skip: missingTools('curl') }, async (t) => {
    const abort = { httpStatus: 418, grpcStatus: undefined, percentage: ALWAYS };
    const asked = await scene(t, { abort, headers: [{ name: 'host', value: 'payments.shop' }] });
    assert.equal((await curl(asked.port, '--http1.1')).status, 418);
    const other = await scene(t, { abort, headers: [{ name: 'host', value: 'other.shop' }] });
    assert.equal((await curl(other.port, '--http1.1')).status, 200);
  });

  it('with a gRPC status alone leaves other requests alone', { skip: missingTools('curl') }, async (t) => {
    const abort = { httpStatus: undefined, grpcStatus: 14, percentage: ALWAYS };
    const { port } = await scene(t, { abort });
    assert.equal((await curl(port, '--http1.1')).status, 200);
  });

  it('meets as many as it should, by what is drawn', { skip: missingTools('curl') }, async (t) => {
    const draws = [0.249, 0.25, 0.1, 0.9];
    let next = 0;
    const abort = { httpStatus: 503, grpcStatus: undefined, percentage: 25 };
    const { east, port } = await scene(t, { abort }, () => draws[next++ % draws.length] ?? 0);
    // Nothing else draws: there is one trunk, and one pod behind it.
    for (let i = 0; i < 4; i++) await curl(port, '--http1.1');
    assert.equal(east.flags.filter((flag) => flag === 'FI').length, 2);
  });

  it('meets only requests that have its headers', { skip: missingTools('curl') }, async (t) => {
    const abort = { httpStatus: 503, grpcStatus: undefined, percentage: ALWAYS };
    const { port } = await scene(t, { abort, headers: [{ name: 'x-fault', value: 'yes' }] });
    assert.equal((await curl(port, '--http1.1')).status, 200);
    assert.equal((await curl(port, '--http1.1', ['--header', 'X-Fault: no'])).status, 200);
    assert.equal((await curl(port, '--http1.1', ['--header', 'X-Fault: yes'])).status, 503);
  });
});

describe('a delay on purpose', () => {
  for (const version of CURL_VERSIONS) {
    it(`lets curl ${version} wait, body and all`, { skip: missingTools('curl') }, async (t) => {
      const { pod, east, west, port } = await scene(t, { delay: { fixedMs: 150, percentage: ALWAYS } });
      const beganMs = performance.now();
      const got = await curl(port, version, ['--data', 'x'.repeat(30_000)]);
      assert.ok(performance.now() - beganMs >= 140, 'a timer that fires early would be one, too');
      assert.equal(got.status, 200);
      assert.equal(pod.requests.length, 1);
      assert.deepEqual([east.flags, west.flags], [['DI'], ['-']], 'once, where the client comes in');
    });
  }

  it('comes before an abort', { skip: missingTools('curl') }, async (t) => {
    const abort = { httpStatus: 500, grpcStatus: undefined, percentage: ALWAYS };
    const { east, port } = await scene(t, { abort, delay: { fixedMs: 50, percentage: ALWAYS } });
    assert.equal((await curl(port, '--http1.1')).status, 500);
    assert.deepEqual(east.flags, ['FI,DI']);
  });

  it('is part of the time that a request may take', async (t) => {
    const { east, port } = await scene(t, { delay: { fixedMs: 60_000, percentage: ALWAYS } });
    const { code } = await callGrpc(t, port, '/shop.Cart/Get', { deadlineMs: 200 });
    assert.equal(code, grpcStatus.DEADLINE_EXCEEDED);
    while (east.engine.activeRequests > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.match(east.flags[0] ?? '', /^(UT|DC),DI$/, 'as the client or the gateway is quicker');
  });
});
