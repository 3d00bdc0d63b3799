import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { clusterPlan } from '../../test/fixtures/cluster-plan.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { createIntermediateCsr } from '../../trust/csr.ts';
import { generateKeyPair } from '../../trust/key.ts';
import { initCluster } from '../folder/init.ts';
import { inviteCluster } from '../folder/invite.ts';
import { createEnrolment, type Enrolment, type EnrolmentEvent } from './enrolment.ts';
import {
  decodeMessage,
  type EnrolmentRequest,
  encodeMessage,
  enrolmentResponse,
} from './enrolment-message.ts';
import { parseToken } from './token.ts';

const FROM = { remoteAddress: '192.0.2.1' };

describe('what decides over enrolments', () => {
  const lifetime = new Lifetime();
  const events: EnrolmentEvent[] = [];
  let dir: string;
  let enrolment: Enrolment;
  let good: EnrolmentRequest;
  after(() => lifetime.close());

  before(async () => {
    dir = join(tempFolder({ after: (remove) => lifetime.add(remove) }), 'east');
    await initCluster(clusterPlan(dir));
    enrolment = createEnrolment({ dir, clock: SYSTEM_CLOCK, log: (event) => events.push(event) });
    good = await request('west');
  });

  /** A request with a token of its own. */
  async function request(cluster: string): Promise<EnrolmentRequest> {
    const { createStoreUser, nowMs } = clusterPlan(dir);
    const invite = { dir, cluster, ttlMs: 900_000, force: false, createStoreUser, nowMs };
    const { inviteId, secret } = parseToken((await inviteCluster(invite)).token);
    const csr = await createIntermediateCsr(await generateKeyPair(), `${cluster}.mesh.example`);
    return {
      version: 1,
      clusterset: 'mesh.example',
      cluster,
      inviteId,
      secret,
      csr: Buffer.from(csr).toString('base64'),
      gateways: ['west.example:15443'],
    };
  }

  async function outcome(bytes: Uint8Array, by = enrolment): Promise<string> {
    const response = decodeMessage(await by.enrol(bytes, FROM), enrolmentResponse);
    assert.ok(response !== undefined, 'the answer is always one that the other side understands');
    return response.kind === 'accepted' ? response.kind : response.reason;
  }

  it('answers whatever it is sent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        assert.equal(await outcome(bytes), 'malformed');
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        assert.equal(await outcome(Buffer.from(text)), 'malformed');
      }),
    );
    assert.equal(await outcome(Buffer.alloc(70_000, ' ')), 'malformed');
    assert.ok(events.every(({ cause }) => cause === undefined));
  });

  it('takes no request in which any one field is something else', async () => {
    const fields = Object.keys(good) as (keyof EnrolmentRequest)[];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...fields), fc.jsonValue(), async (field, value) => {
        fc.pre(field !== 'gateways' && JSON.stringify(value) !== JSON.stringify(good[field]));
        const changed = { ...good, [field]: value } as EnrolmentRequest;
        const refusal = await outcome(encodeMessage(changed));
        assert.ok(!['accepted', 'failed', 'busy'].includes(refusal), `${field}: ${refusal}`);
      }),
    );
  });

  const wrong: readonly (readonly [string, Partial<EnrolmentRequest>, string])[] = [
    ['another clusterset', { clusterset: 'other.example' }, 'other-clusterset'],
    ['an id that leads out of the folder', { inviteId: '../../cluster' }, 'unknown'],
    ['a secret that is too short', { secret: 'short' }, 'unknown'],
    ['another name', { cluster: 'north' }, 'other-cluster'],
    ['a certificate request that is none', { csr: 'AAAA' }, 'bad-request'],
    ['no gateways', { gateways: [] }, 'malformed'],
  ];
  for (const [what, change, reason] of wrong) {
    it(`refuses ${what}`, async () => {
      assert.equal(await outcome(encodeMessage({ ...good, ...change })), reason);
    });
  }

  it("refuses a request for another cluster's trust domain, signed as it may be", async () => {
    const csr = await createIntermediateCsr(await generateKeyPair(), 'east.mesh.example');
    const forged = { ...good, csr: Buffer.from(csr).toString('base64') };
    assert.equal(await outcome(encodeMessage(forged)), 'bad-request');
  });

  it('refuses at a cluster that is gone, and says why only to its own log', async () => {
    const seen: EnrolmentEvent[] = [];
    const log = (event: EnrolmentEvent): void => void seen.push(event);
    const nowhere = createEnrolment({ dir: join(dir, 'nowhere'), clock: SYSTEM_CLOCK, log });
    assert.equal(await outcome(encodeMessage(good), nowhere), 'failed');
    assert.match(String(seen[0]?.cause), /is not a cluster's folder/);
  });

  it('does four at once, and tells the fifth to come again', async () => {
    const requests = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(request));
    const outcomes = await Promise.all(requests.map((one) => outcome(encodeMessage(one))));
    assert.deepEqual(outcomes, ['accepted', 'accepted', 'accepted', 'accepted', 'busy']);
    const [, , , , fifth] = requests;
    assert.ok(fifth !== undefined);
    assert.equal(await outcome(encodeMessage(fifth)), 'accepted');
  });

  it('lets in whom the token is for, after all that', async () => {
    assert.equal(await outcome(encodeMessage(good)), 'accepted');
    assert.equal(await outcome(encodeMessage(good)), 'used');
    assert.equal(events.at(-1)?.cluster, 'west');
  });
});
