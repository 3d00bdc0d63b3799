import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Http2Answer, Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client, responseOf } from '../../test/fixtures/http2-client.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import { EDGE_HTTP2 } from '../http2/options.ts';

const TIMEOUT_MS = 60_000;

async function served(
  t: TestContext,
  answer: Http2Answer,
): Promise<{ east: TestGateway; client: Http2Client }> {
  const mesh = await TestMesh.create(t, ['east']);
  const pod = await Http2Backend.start(t, answer);
  const east = await mesh.gateway('east', {
    responseTimeoutMs: TIMEOUT_MS,
    services: [{ name: 'payments', protocol: 'http2', endpoints: [pod.port], offeredBy: [] }],
  });
  return { east, client: new Http2Client(t, await east.listenHttp()) };
}

describe('the response timeout', () => {
  it('runs from the end of the request, however long that took', async (t) => {
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const { east, client } = await served(t, (stream) => {
      stream.once('data', () => begun.resolve());
      stream.on('end', () => ended.resolve());
    });
    const upload = client.open({ ':method': 'POST' });
    const response = responseOf(upload);
    upload.write('the first of many');
    await begun.promise;
    const duringUploadMs = performance.now();
    await sleep(20);
    upload.end('the last');
    await ended.promise;
    const afterUploadMs = performance.now();
    east.engine.onTick(duringUploadMs + TIMEOUT_MS);
    assert.equal(east.engine.activeRequests, 1, 'measured from the start it would be over');
    east.engine.onTick(afterUploadMs + TIMEOUT_MS);
    assert.equal((await response).status, 504);
  });

  it('does not end a request that is still being sent', async (t) => {
    const begun = Promise.withResolvers<void>();
    const { east, client } = await served(t, (stream) => {
      stream.once('data', () => begun.resolve());
      stream.on('end', () => {
        stream.respond();
        stream.end();
      });
    });
    const upload = client.open({ ':method': 'POST' });
    const response = responseOf(upload);
    upload.write('the first of many');
    await begun.promise;
    east.engine.onTick(performance.now() + 2 * TIMEOUT_MS);
    upload.end();
    assert.equal((await response).status, 200);
  });
});

describe('a request body', () => {
  it('that stands still for the idle time ends the request, but not a gRPC call', async (t) => {
    const begun: string[] = [];
    const { east, client } = await served(t, (stream) => {
      stream.once('data', (piece: Buffer) => begun.push(piece.toString()));
    });
    const upload = client.open({ ':method': 'POST' });
    const call = client.open({ ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' });
    const response = responseOf(upload);
    call.on('error', () => undefined);
    upload.write('upload');
    call.write('call');
    while (begun.length < 2) await sleep(5);
    const idleMs = EDGE_HTTP2.idleTimeoutMs;
    // Whole: with a fraction, the difference of the two looks may round to less than the idle time.
    const nowMs = Math.ceil(performance.now());
    east.engine.onTick(nowMs + idleMs);
    assert.equal(east.engine.activeRequests, 2, 'it had made progress since the last look');
    east.engine.onTick(nowMs + 2 * idleMs);
    assert.equal((await response).status, 408);
    assert.equal(east.engine.activeRequests, 1);
    assert.deepEqual(east.rejected, ['body-timeout']);
  });
});
