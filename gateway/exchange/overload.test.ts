import assert from 'node:assert/strict';
import { get } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

async function behind(t: TestContext, mesh: TestMesh, cluster: string): Promise<TestGateway> {
  const pod = await Http2Backend.start(t, (stream) => {
    stream.respond({ 'x-cluster': cluster });
    stream.end();
  });
  const services = [{ name: 'payments', protocol: 'http2', endpoints: [pod.port], offeredBy: [] }] as const;
  return mesh.gateway(cluster, { peers: { east: [1] }, services });
}

function http1Status(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'payments.shop' };
    get({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).once('error', reject);
  });
}

describe('a worker that refuses requests', () => {
  it('says REFUSED_STREAM in HTTP/2 and 503 in HTTP/1', async (t) => {
    const mesh = await TestMesh.create(t, ['east']);
    const east = await behind(t, mesh, 'east');
    const port = await east.listenHttp();
    const client = new Http2Client(t, port);
    assert.equal((await client.request()).status, 200);
    east.engine.refusesRequests = true;
    await assert.rejects(client.request(), /NGHTTP2_REFUSED_STREAM$/);
    assert.equal(await http1Status(port), 503);
    assert.deepEqual(east.rejected, ['overload-requests', 'overload-requests']);
    assert.deepEqual(
      east.seen.map(({ status, failure }) => [status, failure]),
      [
        [200, undefined],
        [503, 'overloaded'],
        [503, 'overloaded'],
      ],
    );
    east.engine.refusesRequests = false;
    assert.equal((await client.request()).status, 200);
    assert.equal(east.engine.activeRequests, 0);
  });

  it('is passed by: its peers send the request to another cluster, whatever its method', async (t) => {
    const mesh = await TestMesh.create(t, ['east', 'west', 'north']);
    const [west, north] = [await behind(t, mesh, 'west'), await behind(t, mesh, 'north')];
    const east = await mesh.gateway('east', {
      peers: { west: [await west.listenMesh()], north: [await north.listenMesh()] },
      services: [{ name: 'payments', protocol: 'http2', endpoints: [], offeredBy: ['west', 'north'] }],
    });
    const client = new Http2Client(t, await east.listenHttp());
    west.engine.refusesRequests = true;
    for (let count = 0; count < 10; count++) {
      const response = await client.request({ ':method': 'POST' }, 'once');
      assert.deepEqual([response.status, response.headers['x-cluster']], [200, 'north']);
    }
    assert.ok(west.rejected.length > 0, 'some of them were refused before');
    assert.deepEqual(new Set(west.rejected), new Set(['overload-requests']));
  });
});
