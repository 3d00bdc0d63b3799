import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EVERY_REQUEST } from '../../federation/model/policy.ts';
import { CURL_VERSIONS, curl } from '../../test/fixtures/curl.ts';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const CURL = { skip: missingTools('curl') };
const POSTS = 50;
const BODY_BYTES = 100 * 1024;

/** Answers without a look at the request's body. */
async function refusingPod(t: TestContext): Promise<number> {
  const server = createServer((_request, response) => response.writeHead(413).end('too large'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const RULES = [
  {
    matches: [{ path: { type: 'PathPrefix', value: '/old' } }],
    filters: [{ type: 'RequestRedirect', requestRedirect: { hostname: 'new.example' } }],
  },
  { backendRefs: [backend('payments')] },
];

async function served(
  t: TestContext,
  endpoints: readonly number[],
): Promise<{ east: TestGateway; port: number }> {
  const mesh = await TestMesh.create(t, ['east']);
  const access = [{ ...EVERY_REQUEST, action: 'deny', pathPrefixes: ['/secret'] }] as const;
  const routes = routesOfPayments({ rules: RULES });
  const east = await mesh.gateway('east', {
    services: [{ name: 'payments', protocol: 'http', endpoints, offeredBy: [], access, routes }],
  });
  return { east, port: await east.listenHttp() };
}

for (const version of CURL_VERSIONS) {
  describe(`an answer before the end of a request's body, curl ${version}`, CURL, () => {
    for (const [name, path, status, hasPod] of [
      ['a redirect', '/old', 302, true],
      ['an access rule', '/secret', 403, true],
      ['no endpoint', '/', 503, false],
      ["a pod's own", '/', 413, true],
    ] as const) {
      it(`${name}: is not lost`, async (t) => {
        const { east, port } = await served(t, hasPod ? [await refusingPod(t)] : []);
        const file = join(tempFolder(t), 'body');
        writeFileSync(file, Buffer.alloc(BODY_BYTES, 'x'));
        const seen = new Map<string, number>();
        for (let post = 0; post < POSTS; post++) {
          const answer = await curl(port, version, ['--data-binary', `@${file}`], path);
          const outcome = `${answer.status}, exit code ${answer.exitCode}`;
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        }
        assert.deepEqual([...seen], [[`${status}, exit code 0`, POSTS]]);
        assert.deepEqual(east.rejected, status === 403 ? Array(POSTS).fill('access') : []);
      });
    }
  });
}
