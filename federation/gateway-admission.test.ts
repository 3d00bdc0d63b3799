import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import {
  FederationWorld,
  GATEWAY_SECRET,
  type RunningFederation,
} from '../test/fixtures/federation-world.ts';
import { FollowClient, federationChannel, unary } from '../test/fixtures/follow-client.ts';
import { createCsr } from '../trust/csr.ts';
import { generateKeyPair } from '../trust/key.ts';
import { svidFromChain } from '../trust/svid.ts';
import { gatewayId, workloadId } from './model/identity.ts';
import { enrolRequestToWire, issueRequestToWire } from './wire/gateway-message.ts';
import { FEDERATION_SERVICE, ISSUER_SERVICE } from './wire/grpc-services.ts';

/** What is waited for and never comes fails the suite: of all its tests together, also on a machine that is busy. */
const PATIENCE = { timeout: 180_000 };

describe('who may follow', PATIENCE, () => {
  const refused: readonly (readonly [string, (world: FederationWorld) => Promise<FollowClient>])[] = [
    ["another cluster's gateway", (world) => stranger(world, 'west', gatewayId('west.mesh.example').text)],
    [
      'a workload of the cluster itself',
      (world) => stranger(world, 'east', workloadId('east.mesh.example', 'shop', 'cart').text),
    ],
    ['whoever has no certificate', (world) => stranger(world, undefined, '')],
  ];
  let east: RunningFederation;

  async function stranger(
    world: FederationWorld,
    cluster: string | undefined,
    id: string,
  ): Promise<FollowClient> {
    const { port } = east.service.addresses.gateways;
    const trustDomain = `${cluster}.mesh.example`;
    const path = id.slice(`spiffe://${trustDomain}`.length);
    const svid =
      cluster === undefined ? undefined : await world.trust.svid(cluster, { text: id, trustDomain, path });
    return new FollowClient(federationChannel(port, world.trust.bundle.rootsDer, svid)).hello();
  }

  for (const [who, connect] of refused) {
    it(`is not ${who}`, async (t) => {
      const world = await FederationWorld.create(t, ['east', 'west']);
      east = await world.start('east');
      const client = await connect(world);
      assert.ok([status.UNAVAILABLE, status.UNIMPLEMENTED].includes(await client.ended));
      assert.equal(client.messages.length, 0);
      assert.deepEqual(east.service.state.gateways, []);
    });
  }
});

describe('a gateway without an SVID', PATIENCE, () => {
  it('gets one for the secret, and can follow with it', async (t) => {
    const world = await FederationWorld.create(t, ['east']);
    const { service } = await world.start('east', { issuer: { host: '127.0.0.1', port: 0 } });
    const id = gatewayId('east.mesh.example');
    const keyPair = await generateKeyPair();
    const csrDer = await createCsr({ keyPair, id, dnsNames: [] });
    const { gateways, issuer } = service.addresses;
    for (const port of [gateways.port, issuer?.port ?? 0]) {
      const stranger = federationChannel(port, world.trust.bundle.rootsDer);
      t.after(() => stranger.close());
      const wrong = unary(stranger, ISSUER_SERVICE.issue, issueRequestToWire(csrDer, 'a guess'));
      await assert.rejects(wrong, { code: status.UNAUTHENTICATED });
      const enrol = unary(stranger, FEDERATION_SERVICE.enrol, enrolRequestToWire(csrDer, ''));
      await assert.rejects(enrol, { code: status.UNIMPLEMENTED });
      const request = issueRequestToWire(csrDer, GATEWAY_SECRET);
      const { chainDer } = await unary(stranger, ISSUER_SERVICE.issue, request);
      const svid = svidFromChain(chainDer, keyPair.privateKeyPem, Date.now());
      const channel = federationChannel(gateways.port, world.trust.bundle.rootsDer, svid);
      t.after(() => channel.close());
      await new FollowClient(channel).hello().until(() => true);
    }
  });

  it('that has one relays enrolment, and is told no more than that it failed', async (t) => {
    const world = await FederationWorld.create(t, ['east']);
    const east = await world.start('east');
    const channel = await world.channel(east);
    const ask = (text: string) =>
      unary(channel, FEDERATION_SERVICE.enrol, enrolRequestToWire(Buffer.from(text), '192.0.2.1'));
    const { response } = await ask('token');
    assert.equal(Buffer.from(response).toString(), 'enrolled token for 192.0.2.1');
    await assert.rejects(ask('fail'), { code: status.INTERNAL, details: 'enrol failed' });
  });
});
