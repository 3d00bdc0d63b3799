import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { DEFAULT_RETRIES } from '../../federation/model/request-policy.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { CURL_VERSIONS, curl } from '../../test/fixtures/curl.ts';
import { type Http2Answer, Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const well: Http2Answer = (stream) => {
  stream.respond();
  stream.end('well');
};
const failing: Http2Answer = (stream) => stream.respond({ ':status': 503 }, { endStream: true });

/** One cluster; the backend's own policy retries nothing but 502, and gives every request an hour. */
async function scene(
  t: TestContext,
  rule: object,
  bad: Http2Answer,
  { perTryTimeoutMs, clock }: { perTryTimeoutMs?: number; clock?: ManualClock } = {},
) {
  const mesh = await TestMesh.create(t, ['east']);
  let left = 1;
  const pod = await Http2Backend.start(t, (stream, headers) => (left-- > 0 ? bad : well)(stream, headers));
  const traffic = {
    retries: {
      ...DEFAULT_RETRIES,
      on: ['retriable-status-codes'] as const,
      statusCodes: [502],
      perTryTimeoutMs,
    },
    timeouts: { requestMs: 3_600_000, backendRequestMs: undefined, idleMs: undefined },
  };
  const routes = routesOfPayments({ rules: [{ ...rule, backendRefs: [backend('payments')] }] });
  const east = await mesh.gateway('east', {
    clock,
    services: [
      { name: 'payments', protocol: 'http2', endpoints: [pod.port], offeredBy: [], traffic, routes },
    ],
  });
  return { pod, east, port: await east.listenHttp() };
}

for (const version of CURL_VERSIONS) {
  describe(`times and retries of a rule, curl ${version}`, { skip: missingTools('curl') }, () => {
    it('hold before those of the backend', async (t) => {
      const retry = { attempts: 1, codes: [503], backoff: '1ms' };
      const { east, port, pod } = await scene(t, { retry }, failing);
      assert.equal((await curl(port, version)).body, 'well');
      assert.equal(pod.requests.length, 2);
      assert.deepEqual(east.retried, ['success']);
    });

    it('leave those of the backend where the rule says nothing, and can turn retries off', async (t) => {
      const silentRule = await scene(t, {}, failing);
      assert.equal((await curl(silentRule.port, version)).status, 503);
      const off = await scene(t, { retry: { attempts: 0 } }, (stream) =>
        stream.respond({ ':status': 502 }, { endStream: true }),
      );
      assert.equal((await curl(off.port, version)).status, 502);
      assert.equal(off.pod.requests.length, 1);
    });

    it('bound an attempt instead of the policy of the backend', async (t) => {
      const late: Http2Answer = (stream) => void setTimeout(() => well(stream, {}), 100);
      const { port, pod } = await scene(t, { timeouts: { backendRequest: '30s' } }, late, {
        perTryTimeoutMs: 1,
      });
      assert.equal((await curl(port, version)).body, 'well');
      assert.equal(pod.requests.length, 1);
    });

    it('bound an attempt, after which there may be another', async (t) => {
      const rule = {
        timeouts: { request: '30s', backendRequest: '40ms' },
        retry: { attempts: 1, backoff: '1ms' },
      };
      const clock = new ManualClock(Date.now());
      const asked = Promise.withResolvers<void>();
      const { port, pod } = await scene(t, rule, () => asked.resolve(), { clock });
      const got = curl(port, version);
      await asked.promise;
      // The time of the first attempt and the wait before the second, which has most of its time yet.
      clock.advance(60);
      assert.equal((await got).body, 'well');
      assert.equal(pod.requests.length, 2);
    });
  });
}
