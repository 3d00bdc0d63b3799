import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { curl } from '../../test/fixtures/curl.ts';
import { get } from '../../test/fixtures/gateway-pair.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { TellingPod } from '../../test/fixtures/telling-pod.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const TO_V2 = {
  type: 'RequestMirror',
  requestMirror: { backendRef: { name: 'v2', namespace: 'shop', port: 80 } },
};

describe('mirrors', { skip: missingTools('curl') }, () => {
  it('are given up where their backend takes the body too slowly, and the request is not', async (t) => {
    const mesh = await TestMesh.create(t, ['east']);
    const pod = await TellingPod.start(t, 'v1');
    // It takes what its window holds, and no more.
    const stuck = await Http2Backend.start(t, (stream) => stream.pause());
    const routes = routesOfPayments({ rules: [{ backendRefs: [backend('v1')], filters: [TO_V2] }] });
    const east = await mesh.gateway('east', {
      services: [
        { name: 'payments', protocol: 'http', endpoints: [pod.port], offeredBy: [], routes },
        { name: 'v1', protocol: 'http', endpoints: [pod.port], offeredBy: [] },
        { name: 'v2', protocol: 'http2', endpoints: [stuck.port], offeredBy: [] },
      ],
    });
    const port = await east.listenHttp();
    const file = join(tempFolder(t), 'body');
    writeFileSync(file, Buffer.alloc(360_000, 'b'));
    const big = await curl(port, '--http1.1', ['--data-binary', `@${file}`]);
    assert.equal((JSON.parse(big.body) as { body: string }).body.length, 360_000);
    assert.ok(east.rejected.includes('mirror-slow'), east.rejected.join());
    assert.equal(east.resources.heldBytes.usedBytes, 0);
    assert.equal(east.engine.activeRequests, 0);
  });

  it('are 500 at a time at most, and requests go on without', async (t) => {
    const mesh = await TestMesh.create(t, ['east']);
    const pod = await TellingPod.start(t, 'v1');
    const silent = await Http2Backend.start(t, () => undefined);
    const routes = routesOfPayments({ rules: [{ backendRefs: [backend('v1')], filters: [TO_V2] }] });
    const east = await mesh.gateway('east', {
      services: [
        { name: 'payments', protocol: 'http', endpoints: [pod.port], offeredBy: [], routes },
        { name: 'v1', protocol: 'http', endpoints: [pod.port], offeredBy: [] },
        { name: 'v2', protocol: 'http2', endpoints: [silent.port], offeredBy: [] },
      ],
    });
    const port = await east.listenHttp();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (let i = 0; i < 503; i++) await get(agent, port, '/', { host: 'payments.shop' });
    assert.deepEqual(east.rejected, ['mirror-overflow', 'mirror-overflow', 'mirror-overflow']);
    assert.equal(east.engine.activeRequests, 500);
    assert.equal(pod.requests.length, 503);
  });
});
