import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import { createCsr } from '../../trust/csr.ts';
import { generateKeyPair } from '../../trust/key.ts';
import { verifySvid } from '../../trust/verify.ts';
import { federationId, gatewayDnsName, gatewayId, type SpiffeId } from '../model/identity.ts';
import { ManualClock } from '../runtime/clock.ts';
import { SecretFileProof } from './gateway-proof.ts';
import { Issuer } from './issuer.ts';

const TRUST_DOMAIN = 'east.mesh.example';
const SECRET = 'the content of a file';

describe('the issuer of gateways’ SVIDs', () => {
  let trust: TestClusterset;
  let csrDer: Uint8Array;
  before(async () => {
    trust = await TestClusterset.create(['east']);
    csrDer = await request(gatewayId(TRUST_DOMAIN), [gatewayDnsName(TRUST_DOMAIN)]);
  });

  async function request(id: SpiffeId, dnsNames: readonly string[]): Promise<Uint8Array> {
    return createCsr({ keyPair: await generateKeyPair(), id, dnsNames });
  }

  function issuer(
    secret: () => Promise<string> = async () => `${SECRET}\n`,
    clock = new ManualClock(Date.now()),
  ) {
    const intermediate = () => trust.authority('east');
    const proof = new SecretFileProof(secret);
    return { clock, issuer: new Issuer({ trustDomain: TRUST_DOMAIN, intermediate, proof, clock }) };
  }

  it('gives one to whoever has the secret', async () => {
    const { issuer: subject } = issuer();
    const [leafDer, ...chainDer] = await subject.issue(csrDer, SECRET);
    assert.ok(leafDer);
    const id = verifySvid(leafDer, chainDer, trust.bundles, Date.now());
    assert.equal(id.text, gatewayId(TRUST_DOMAIN).text);
  });

  for (const proof of ['', 'the content of a fil', `${SECRET}e`, 'x'.repeat(100_000)]) {
    it(`gives none for ${JSON.stringify(proof.slice(0, 30))}`, async () => {
      await assert.rejects(issuer().issuer.issue(csrDer, proof), { code: 'unauthenticated' });
    });
  }

  it('takes no empty secret for one', async () => {
    const { issuer: subject } = issuer(async () => '\n');
    await assert.rejects(subject.issue(csrDer, ''), { code: 'unauthenticated' });
  });

  it('says so when it cannot read the secret', async () => {
    const { issuer: subject } = issuer(async () => {
      throw new Error('no such file');
    });
    await assert.rejects(subject.issue(csrDer, SECRET), { code: 'unavailable', message: 'no such file' });
  });

  it('lets nobody guess for long', async () => {
    const { issuer: subject, clock } = issuer();
    for (let tries = 0; tries < 20; tries++) {
      await assert.rejects(subject.issue(csrDer, `guess ${tries}`), { code: 'unauthenticated' });
    }
    await assert.rejects(subject.issue(csrDer, 'guess'), { code: 'exhausted' });
    assert.ok(await subject.issue(csrDer, SECRET), 'whoever knows it is not held up by guessers');
    clock.advance(1000);
    await assert.rejects(subject.issue(csrDer, 'guess'), { code: 'unauthenticated' });
  });

  it('signs no other identity, no other name and no nonsense', async () => {
    const { issuer: subject } = issuer();
    const others = [
      await request(federationId(TRUST_DOMAIN), []),
      await request(gatewayId('west.mesh.example'), []),
      await request(gatewayId(TRUST_DOMAIN), ['admin.east.mesh.example']),
      new Uint8Array([0x30, 0x00]),
    ];
    for (const other of others) await assert.rejects(subject.issue(other, SECRET), { code: 'invalid' });
  });
});
