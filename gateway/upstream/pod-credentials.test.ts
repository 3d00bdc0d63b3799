import assert from 'node:assert/strict';
import { it } from 'node:test';
import { gatewayId } from '../../federation/model/identity.ts';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import type { UpstreamTlsPlan } from '../routing/upstream-plan.ts';
import type { TrunkCredentials } from '../trunk/dialler.ts';
import { PodCredentials } from './pod-credentials.ts';

const PLAN: UpstreamTlsPlan = {
  mutual: true,
  serverName: 'payments.shop.svc',
  authorities: undefined,
  names: [{ kind: 'uri-parent', value: 'spiffe://west.mesh.example/ns/shop/sa/' }],
  alpn: ['h2'],
};

it('credentials towards pods are kept until what they are made of changes', async () => {
  const clusterset = await TestClusterset.create(['west']);
  const newSvid = () => clusterset.svid('west', gatewayId('west.mesh.example'));
  let current: TrunkCredentials | undefined;
  const credentials = new PodCredentials(() => current);
  const simple = { ...PLAN, mutual: false };
  const own = { ...simple, authorities: clusterset.bundles.get('west.mesh.example') };
  assert.equal(credentials.of(PLAN), 'this gateway has no SVID and trust bundles yet');
  assert.equal(credentials.of(simple), 'this gateway has no SVID and trust bundles yet');
  const ofOwn = credentials.of(own);
  assert.notEqual(typeof ofOwn, 'string');

  current = { svid: await newSvid(), bundles: clusterset.bundles };
  const [mutual, byBundles] = [credentials.of(PLAN), credentials.of(simple)];
  current = { ...current };
  assert.equal(credentials.of(PLAN), mutual);
  current = { ...current, svid: await newSvid() };
  assert.notEqual(credentials.of(PLAN), mutual);
  assert.equal(credentials.of(simple), byBundles);
  current = { ...current, bundles: new Map(current.bundles) };
  assert.notEqual(credentials.of(simple), byBundles);
  assert.equal(credentials.of(own), ofOwn);
});

it('certificates of authorities that are none are a reason, not a crash', () => {
  const credentials = new PodCredentials(() => undefined);
  const plan = { ...PLAN, mutual: false, authorities: [Buffer.from('nothing')] };
  assert.match(String(credentials.of(plan)), /^the certificates of upstreamTls cannot be used: /);
});
