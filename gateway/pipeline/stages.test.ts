import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { gatewayDnsName, gatewayId } from '../../federation/model/identity.ts';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import { ALPN, trunkClientOptions } from '../../trust/tls.ts';
import { createCodecResources } from '../http/resources.ts';
import type { ClientConnectionHandler, HeaderBlock, ResponseReceiver } from '../http/stream.ts';
import { Http2ClientConnection } from '../http2/client-connection.ts';
import { TRUNK_HTTP2 } from '../http2/options.ts';

const EAST = 'east.mesh.example';
const WEST = 'west.mesh.example';
const FIRST: HeaderBlock = [
  ':method',
  'GET',
  ':scheme',
  'https',
  ':authority',
  'payments.shop',
  ':path',
  '/',
];
const SERVICE = ['isthmus-service', 'shop/payments:main'];

/** West's gateway, and a trunk to it that speaks as east's gateway may be made to speak. */
async function trunk(t: TestContext): Promise<{
  west: TestGateway;
  pod: Http2Backend;
  ask: (...fields: string[]) => Promise<HeaderBlock>;
}> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pod = await Http2Backend.start(t, (stream) => {
    stream.respond();
    stream.end();
  });
  const west = await mesh.gateway('west', {
    peers: { east: [1] },
    services: [
      { name: 'payments', protocol: 'http2', endpoints: [pod.port], offeredBy: ['east'] },
      { name: 'elsewhere', protocol: 'http2', endpoints: [], offeredBy: ['east'] },
    ],
  });
  const port = await west.listenMesh();
  const svid = await mesh.clusterset.svid('east', gatewayId(EAST), [gatewayDnsName(EAST)]);
  const options = trunkClientOptions({
    svid,
    bundles: mesh.clusterset.bundles,
    peerTrustDomain: WEST,
    nowMs: Date.now(),
  });
  const socket = connect({ host: '127.0.0.1', port, ...options });
  await once(socket, 'secureConnect');
  assert.equal(socket.alpnProtocol, ALPN.trunk);
  const resources = createCodecResources();
  const connection = new Http2ClientConnection(socket, TRUNK_HTTP2, silentHandler, resources);
  t.after(() => {
    connection.destroy();
    resources.timers.close();
  });
  const ask = (...fields: string[]) =>
    new Promise<HeaderBlock>((resolve, reject) => {
      connection.open(headersOnly(resolve, reject), [...FIRST, ...fields], true);
    });
  return { west, pod, ask };
}

const silentHandler: ClientConnectionHandler = {
  availabilityChanged: () => undefined,
  draining: () => undefined,
  rejected: () => undefined,
  closed: () => undefined,
};

function headersOnly(
  resolve: (block: HeaderBlock) => void,
  reject: (failure: unknown) => void,
): ResponseReceiver {
  return {
    responseInformational: () => undefined,
    responseHeaders: resolve,
    responseData: () => undefined,
    responseTrailers: () => undefined,
    responseFailed: reject,
    requestDrained: () => undefined,
  };
}

describe('what a trunk says', () => {
  it('is believed of callers of its own trust domain', async (t) => {
    const { west, pod, ask } = await trunk(t);
    const caller = `spiffe://${EAST}/ns/shop/sa/cart`;
    assert.equal((await ask(...SERVICE, 'isthmus-caller', caller))[1], '200');
    // Its head has come; the request may not be over yet.
    await until(() => west.seen.length === 1);
    assert.equal(west.seen[0]?.caller, caller);
    assert.match(String(pod.requests[0]?.['x-forwarded-client-cert']), /URI=spiffe:\/\/east/);
  });

  it('is refused when it speaks for callers of any other', async (t) => {
    const { west, pod, ask } = await trunk(t);
    const others = [
      `spiffe://${WEST}/ns/shop/sa/cart`,
      'spiffe://mesh.example/ns/shop/sa/cart',
      `spiffe://${EAST}.evil/ns/shop/sa/cart`,
      `spiffe://evil.${EAST}/ns/shop/sa/cart`,
      `spiffe://${EAST}:443/ns/shop/sa/cart`,
      `spiffe://${WEST}@${EAST}/ns/shop/sa/cart`,
      `spiffe://${EAST}/ns/../sa/cart`,
      `spiffe://${EAST}`,
      'nobody',
      '',
    ];
    for (const caller of others) {
      assert.equal((await ask(...SERVICE, 'isthmus-caller', caller))[1], '401', caller);
    }
    assert.equal(pod.requests.length, 0);
    assert.ok(west.seen.every(({ failure }) => failure === 'unauthenticated'));
    assert.equal(west.rejected.filter((reason) => reason === 'foreign-caller').length, others.length);
  });

  it('leads to local endpoints only, and a lack of them is told', async (t) => {
    const { ask } = await trunk(t);
    const answer = await ask('isthmus-service', 'shop/elsewhere:main');
    assert.deepEqual(answer.slice(0, 2), [':status', '503']);
    assert.equal(answer[answer.indexOf('isthmus-reason') + 1], 'no-local-endpoint');
    const unknown = await ask('isthmus-service', 'shop/nothing:main');
    assert.equal(unknown[unknown.indexOf('isthmus-reason') + 1], 'no-local-endpoint');
  });

  it('must be a hash where it says one', async (t) => {
    const { ask } = await trunk(t);
    assert.equal((await ask(...SERVICE, 'isthmus-hash', '0123abcd'))[1], '200');
    for (const hash of ['', '0123ABCD', '0123abcd0', '4711']) {
      assert.equal((await ask(...SERVICE, 'isthmus-hash', hash))[1], '400', hash);
    }
  });

  it('must name a service: an authority is not enough', async (t) => {
    const { ask } = await trunk(t);
    assert.equal((await ask())[1], '400');
  });
});
