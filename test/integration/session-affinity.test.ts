import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, it } from 'node:test';
import { get, type Pair, startPair } from '../fixtures/gateway-pair.ts';

const USERS = Array.from({ length: 40 }, (_, index) => `user ${index}`);

/** Which pod each user comes to by a gateway, on a connection of its own. */
async function podsBy(pair: Pair, cluster: 'east' | 'west'): Promise<Map<string, string>> {
  const { http } = (cluster === 'east' ? pair.eastPlan : pair.westPlan).ports;
  const pods = new Map<string, string>();
  for (const user of USERS) {
    const agent = new Agent({ keepAlive: false });
    const { body } = await get(agent, http, '/', { 'X-User': user });
    pods.set(user, body.replace(' done\n', ''));
  }
  return pods;
}

for (const policy of [
  { kind: 'ring-hash', minimumRingSize: 1024, maximumRingSize: 65_536 },
  { kind: 'maglev', tableSize: 65_537 },
] as const) {
  describe(`${policy.kind} by a header`, () => {
    it('leads each user to one pod by both gateways, and only the users of a lost pod elsewhere', async (t) => {
      const loadBalancing = { ...policy, hashOn: { kind: 'header', name: 'x-user' } } as const;
      const pair = await startPair(t, { workers: 2 }, { pods: 5, loadBalancing });
      const before = await podsBy(pair, 'east');
      assert.ok(new Set(before.values()).size >= 4, [...before.values()].join());
      assert.deepEqual(await podsBy(pair, 'east'), before);
      assert.deepEqual(await podsBy(pair, 'west'), before);

      pair.backend.close();
      const after = await podsBy(pair, 'west');
      for (const [user, pod] of before) {
        if (pod === 'west') assert.notEqual(after.get(user), 'west');
        else assert.equal(after.get(user), pod);
      }
      assert.deepEqual(await podsBy(pair, 'east'), after);
    });
  });
}
