import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { TcpRelay } from '../../test/fixtures/tcp-relay.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

test('requests to an HTTP/2 pod whose node is cut off go elsewhere if they may, and wait for no timeout', async (t) => {
  const mesh = await TestMesh.create(t, ['east']);
  // It takes requests, and its node is cut off before it answers.
  const asked: string[] = [];
  const doomed = await Http2Backend.start(t, (_stream, headers) => {
    asked.push(`${headers[':method']} ${headers[':path']}`);
  });
  const well = await Http2Backend.start(t, (stream) => {
    stream.respond();
    stream.end('well');
  });
  const wire = await TcpRelay.start(t, doomed.port);
  const east = await mesh.gateway('east', {
    upstream: { silenceMs: 500, pingTimeoutMs: 1_000 },
    services: [
      {
        name: 'payments',
        protocol: 'http2',
        endpoints: [wire.port, well.port],
        offeredBy: [],
        loadBalancing: { kind: 'round-robin', slowStart: undefined },
      },
    ],
  });
  const client = new Http2Client(t, await east.listenHttp());
  const statusOf = async (path: string, body?: string): Promise<number> =>
    (await client.request({ ':path': path }, body)).status;
  // In turns: each pod gets every other one.
  const gets = ['/0', '/1', '/2', '/3'].map((path) => ({ path, status: statusOf(path) }));
  const posts = ['/4', '/5', '/6', '/7'].map((path) => ({ path, status: statusOf(path, 'once') }));
  await until(() => asked.length === 4 && well.requests.length === 4);
  assert.equal(asked.filter((line) => line.startsWith('GET')).length, 2);
  wire.freeze();
  for (const { path, status } of gets) assert.equal(await status, 200, path);
  for (const { path, status } of posts) {
    assert.equal(await status, asked.includes(`POST ${path}`) ? 502 : 200, path);
  }
  assert.deepEqual(east.rejected, ['ping-timeout']);
  const failures = east.seen.flatMap(({ failure }) => failure ?? []);
  assert.deepEqual(new Set(failures), new Set(['upstreamReset']));
});
