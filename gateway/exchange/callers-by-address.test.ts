import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { parseSpiffeId } from '../../federation/model/identity.ts';
import { type AccessRule, EVERY_REQUEST } from '../../federation/model/policy.ts';
import { CURL_VERSIONS, curl } from '../../test/fixtures/curl.ts';
import { Http1Backend } from '../../test/fixtures/http1-backend.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const CART = 'spiffe://east.mesh.example/ns/shop/sa/cart';
const LOOPBACK = '127.0.0.1';

/** East, which knows that this machine is a pod of shop/cart, and west with the service and its access rule. */
async function scene(t: TestContext, callerProof: AccessRule['callerProof'], certificate?: string) {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pod = await Http1Backend.start(t, 'pod');
  const service = { name: 'payments', protocol: 'http' } as const;
  const access = [
    { ...EVERY_REQUEST, action: 'allow', callerProof, serviceAccounts: ['shop/cart'] },
  ] as const;
  const west = await mesh.gateway('west', {
    peers: { east: [1] },
    services: [{ ...service, endpoints: [pod.port], offeredBy: [], access }],
    callers: { 'shop/wrong': [LOOPBACK] },
  });
  const peers = { west: [await west.listenMesh()] };
  const services = [{ ...service, endpoints: [], offeredBy: ['west'] }];
  const east = await mesh.gateway('east', {
    caller: certificate === undefined ? undefined : parseSpiffeId(certificate),
    peers,
    services,
    callers: { 'shop/cart': [LOOPBACK, '10.0.0.1'], 'shop/till': ['10.0.0.2'] },
  });
  const change = (callers: Readonly<Record<string, readonly string[]>>) =>
    east.useSnapshot(mesh.snapshot('east', { peers, services, callers }, 2));
  return { pod, east, west, change, port: await east.listenHttp() };
}

describe('a plaintext caller whose address is that of a pod', () => {
  for (const version of CURL_VERSIONS) {
    it(`may come where the policy takes that for proof: curl ${version}`, {
      skip: missingTools('curl'),
    }, async (t) => {
      const { pod, east, west, port } = await scene(t, 'pod-address');
      assert.equal((await curl(port, version)).status, 200);
      for (const { seen } of [east, west]) {
        assert.deepEqual([seen[0]?.caller, seen[0]?.callerByAddress], [undefined, CART]);
      }
      const [asked] = pod.requests;
      assert.equal(
        asked?.['x-forwarded-client-cert'],
        undefined,
        'that would say that a certificate was shown',
      );
      assert.equal(asked?.['isthmus-caller-by-address'], undefined);
    });

    it(`is nobody where it wants a certificate: curl ${version}`, {
      skip: missingTools('curl'),
    }, async (t) => {
      const { east, port } = await scene(t, 'mutual-tls');
      assert.equal((await curl(port, version)).status, 403);
      assert.equal(east.seen[0]?.callerByAddress, CART);
    });
  }

  it('is somebody else when the address goes to another pod, and nobody when it is free', {
    skip: missingTools('curl'),
  }, async (t) => {
    const { change, port } = await scene(t, 'pod-address');
    assert.equal((await curl(port, '--http1.1')).status, 200);
    change({ 'shop/till': [LOOPBACK] });
    assert.equal((await curl(port, '--http1.1')).status, 403);
    change({ 'shop/cart': [LOOPBACK] });
    assert.equal((await curl(port, '--http1.1')).status, 200);
    change({});
    assert.equal((await curl(port, '--http1.1')).status, 403);
  });

  it('cannot say so itself', { skip: missingTools('curl') }, async (t) => {
    const { east, change, port } = await scene(t, 'pod-address');
    change({});
    for (const name of ['isthmus-caller-by-address', 'Isthmus_Caller_By_Address', 'isthmus-caller']) {
      for (const version of CURL_VERSIONS) {
        assert.equal((await curl(port, version, ['--header', `${name}: ${CART}`])).status, 403, name);
      }
    }
    assert.ok(
      east.seen.every(({ callerByAddress, caller }) => callerByAddress === undefined && caller === undefined),
    );
  });

  it('is whom its certificate names where it has one', { skip: missingTools('curl') }, async (t) => {
    const { west, port } = await scene(t, 'pod-address', 'spiffe://east.mesh.example/ns/shop/sa/till');
    assert.equal((await curl(port, '--http1.1')).status, 403);
    assert.equal(west.seen[0]?.callerByAddress, undefined);
  });
});
