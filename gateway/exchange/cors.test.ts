import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { serviceRoutesFromJson } from '../../federation/wire/mesh-route-json.ts';
import { CURL_VERSIONS, type CurlAnswer, curl } from '../../test/fixtures/curl.ts';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const CURL = { skip: missingTools('curl') };
const APP = 'https://app.example';

/** A pod with a word of its own on who may read its answers. */
async function openPod(t: TestContext): Promise<number> {
  const fields = {
    'access-control-allow-origin': 'https://of-the-pod.example',
    'access-control-allow-credentials': 'true',
    vary: 'accept',
  };
  const server = createServer((_request, response) => response.writeHead(200, fields).end('here'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function served(t: TestContext, cors: object): Promise<{ east: TestGateway; port: number }> {
  const mesh = await TestMesh.create(t, ['east']);
  const given = routesOfPayments({
    rules: [{ filters: [{ type: 'CORS', cors }], backendRefs: [backend('payments')] }],
  });
  // As a gateway gets them.
  const routes = serviceRoutesFromJson('routes', JSON.stringify(given));
  const service = { name: 'payments', protocol: 'http', offeredBy: [], routes } as const;
  const east = await mesh.gateway('east', { services: [{ ...service, endpoints: [await openPod(t)] }] });
  return { east, port: await east.listenHttp() };
}

function fields({ headers }: CurlAnswer): Record<string, string> {
  const own = [...headers].filter(([name]) => name.startsWith('access-control-'));
  return Object.fromEntries(own.map(([name, value]) => [name.slice('access-control-'.length), value]));
}

const from = (origin: string) => ['--header', `Origin: ${origin}`];
const preflight = (origin: string) => [
  ...['--request', 'OPTIONS', '--header', 'Access-Control-Request-Method: PUT'],
  ...['--header', 'Access-Control-Request-Headers: x-one,x-two', ...from(origin)],
];

for (const version of CURL_VERSIONS) {
  describe(`the filter CORS, curl ${version}`, CURL, () => {
    it('answers preflights itself, and says who may read the answers of the pod', async (t) => {
      const { east, port } = await served(t, {
        allowOrigins: [APP, 'https://*.b.example'],
        allowMethods: ['GET', 'PUT'],
        allowHeaders: ['X-One'],
        exposeHeaders: ['X-Sum'],
        maxAge: 60,
      });
      const asked = await curl(port, version, preflight(APP));
      assert.equal(asked.status, 204);
      assert.deepEqual(fields(asked), {
        'allow-origin': APP,
        'allow-methods': 'GET, PUT',
        'allow-headers': 'X-One',
        'max-age': '60',
      });
      assert.match(asked.headers.get('vary') ?? '', /^origin, /);
      const answer = await curl(port, version, from('https://a.b.example'));
      assert.equal(answer.body, 'here');
      assert.deepEqual(fields(answer), { 'allow-origin': 'https://a.b.example', 'expose-headers': 'X-Sum' });
      assert.equal(east.seen.length, 2);
      assert.deepEqual(
        east.seen.map(({ destinationCluster }) => destinationCluster),
        [undefined, 'east'],
      );
    });

    it('says nothing to other origins, and takes away what the pod says', async (t) => {
      const { port } = await served(t, { allowOrigins: [APP], allowMethods: ['*'] });
      const asked = await curl(port, version, preflight('https://evil.example'));
      assert.deepEqual([asked.status, fields(asked)], [204, {}]);
      const answer = await curl(port, version, from('https://evil.example'));
      assert.deepEqual([answer.status, fields(answer)], [200, {}]);
      const same = await curl(port, version);
      assert.equal(fields(same)['allow-origin'], 'https://of-the-pod.example');
      // Without the field it is no preflight.
      assert.equal((await curl(port, version, ['--request', 'OPTIONS', ...from(APP)])).body, 'here');
    });

    it('never answers * where credentials are allowed', async (t) => {
      const all = { allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], exposeHeaders: ['*'] };
      const strict = await served(t, { ...all, allowCredentials: true });
      assert.deepEqual(fields(await curl(strict.port, version, preflight(APP))), {
        'allow-origin': APP,
        'allow-credentials': 'true',
        'allow-methods': 'PUT',
        'allow-headers': 'x-one,x-two',
        'max-age': '5',
      });
      assert.deepEqual(fields(await curl(strict.port, version, from(APP))), {
        'allow-origin': APP,
        'allow-credentials': 'true',
      });
      const open = await served(t, all);
      assert.deepEqual(fields(await curl(open.port, version, preflight(APP))), {
        'allow-origin': '*',
        'allow-methods': '*',
        'allow-headers': '*',
        'max-age': '5',
      });
      assert.equal(fields(await curl(open.port, version, from(APP)))['expose-headers'], '*');
    });
  });
}
