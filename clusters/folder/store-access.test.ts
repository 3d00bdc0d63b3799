import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { clusterPlan } from '../../test/fixtures/cluster-plan.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { type InitOptions, initCluster } from './init.ts';
import { inviteCluster } from './invite.ts';

const REFUSED = {
  name: 'UserError',
  exitCode: 2,
  message:
    'cluster name "admin": its user in the store would be isthmus-admin, which is the store\'s administrator',
};

/** Founds a clusterset whose store remembers which users it was told to make. */
function scene(t: TestContext) {
  const made: string[] = [];
  const store: Partial<InitOptions> = {
    store: { kind: 'redis', urls: ['rediss://store:6379'] },
    storeAdmin: { username: 'isthmus-admin', password: 'secret' },
    createStoreUser: async ({ user }) => {
      made.push(user.username);
      return 'aclfile';
    },
  };
  const dir = join(tempFolder(t), 'member');
  const init = (cluster: string) => initCluster(clusterPlan(dir, { ...store, cluster }));
  return { dir, made, init, ...store };
}

describe('a cluster whose store user would be the administrator', () => {
  it('founds no clusterset, and leaves nothing', async (t) => {
    const { dir, made, init } = scene(t);
    await assert.rejects(init('admin'), REFUSED);
    assert.deepEqual([made, existsSync(dir)], [[], false]);
    await init('east');
    assert.deepEqual(made, ['isthmus-east']);
  });

  it('is not invited', async (t) => {
    const { dir, made, init, createStoreUser } = scene(t);
    assert.ok(createStoreUser !== undefined);
    await init('east');
    const invite = (cluster: string) =>
      inviteCluster({ dir, cluster, ttlMs: 60_000, force: false, createStoreUser, nowMs: Date.now() });
    await assert.rejects(invite('admin'), REFUSED);
    await invite('administration');
    assert.deepEqual(made, ['isthmus-east', 'isthmus-administration']);
  });
});
