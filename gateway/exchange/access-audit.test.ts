import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSpiffeId } from '../../federation/model/identity.ts';
import { type AccessRule, EVERY_REQUEST } from '../../federation/model/policy.ts';
import { CURL_VERSIONS, curl } from '../../test/fixtures/curl.ts';
import { Http1Backend } from '../../test/fixtures/http1-backend.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const AUDITED: AccessRule = {
  ...EVERY_REQUEST,
  action: 'allow',
  mode: 'audit',
  serviceAccounts: ['shop/till'],
  origin: { policy: 'shop/audited', rule: 0 },
};
const ENFORCED: AccessRule = {
  ...EVERY_REQUEST,
  action: 'deny',
  namespaces: ['shop'],
  paths: ['/admin'],
  origin: { policy: 'shop/strict', rule: 2 },
};

describe('access rules at the gateway of the pods', () => {
  for (const version of CURL_VERSIONS) {
    it(`judge the caller that a trunk names, for curl ${version}`, {
      skip: missingTools('curl'),
    }, async (t) => {
      const mesh = await TestMesh.create(t, ['east', 'west']);
      const pod = await Http1Backend.start(t, 'pod');
      const service = { name: 'payments', protocol: 'http' } as const;
      const west = await mesh.gateway('west', {
        peers: { east: [1] },
        services: [{ ...service, endpoints: [pod.port], offeredBy: [], access: [AUDITED, ENFORCED] }],
      });
      const east = await mesh.gateway('east', {
        caller: parseSpiffeId('spiffe://east.mesh.example/ns/shop/sa/cart'),
        peers: { west: [await west.listenMesh()] },
        services: [{ ...service, endpoints: [], offeredBy: ['west'] }],
      });
      const port = await east.listenHttp();
      assert.equal((await curl(port, version)).status, 200, 'audit denies nothing');
      assert.equal((await curl(port, version, [], '/admin?x')).status, 403);
      assert.deepEqual(west.rejected, ['access-audit', 'access']);
      assert.deepEqual(
        west.seen.map(({ status, accessFinding }) => [status, accessFinding]),
        [
          [200, 'audit: denied: no rule allows it'],
          [403, 'denied by rule 3 of shop/strict'],
        ],
      );
      assert.deepEqual(west.flags, ['-', 'RBAC']);
      assert.equal(pod.requests.length, 1);
    });
  }
});
