import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { clusterPlan } from '../../test/fixtures/cluster-plan.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { missingTinyDisk, TinyDisk } from '../../test/fixtures/tiny-disk.ts';
import { type InitOptions, initCluster } from './init.ts';

async function refusal(given: InitOptions): Promise<UserError> {
  const [result] = await Promise.allSettled([initCluster(given)]);
  assert.ok(result?.status === 'rejected' && result.reason instanceof UserError, JSON.stringify(result));
  return result.reason;
}

describe('a folder that cannot be made', () => {
  it('can be made when what was in the way is gone', async (t: TestContext) => {
    const dir = join(tempFolder(t), 'east');
    mkdirSync(dir);
    // Where a folder must be.
    writeFileSync(join(dir, 'secrets'), '');
    const { message, hint } = await refusal(clusterPlan(dir));
    assert.match(message, /^cannot write \S+\/secrets.* \((EEXIST|ENOTDIR)\)$/);
    assert.ok(hint !== undefined);
    assert.deepEqual(
      readdirSync(dir).filter((name) => name === 'trust' || name === 'cluster.yaml'),
      [],
    );
    const elsewhere = join(tempFolder(t), 'east');
    assert.equal((await initCluster(clusterPlan(elsewhere))).trustDomain, 'east.mesh.example');
  });

  it('leaves a trust folder that was there before as it was', async (t) => {
    const dir = join(tempFolder(t), 'east');
    const trust = join(dir, 'trust');
    mkdirSync(trust, { recursive: true });
    writeFileSync(join(trust, 'root.key'), 'precious');
    const { message } = await refusal(clusterPlan(dir));
    assert.match(message, /root\.key: exists already, and is not overwritten$/);
    assert.deepEqual(readdirSync(trust), ['root.key']);
    assert.ok(!existsSync(join(dir, 'cluster.yaml')));
  });

  it('is named when it is below a file', async (t) => {
    const file = join(tempFolder(t), 'file');
    writeFileSync(file, '');
    const { message } = await refusal(clusterPlan(join(file, 'east')));
    assert.match(message, /^cannot write \S+ \(ENOTDIR\)$/);
  });

  it('is named when the disk is full, and can be made when there is room', {
    skip: missingTinyDisk(),
  }, async (t) => {
    const disk = TinyDisk.make(t);
    disk.fill();
    const dir = join(disk.path, 'east');
    const { message, hint } = await refusal(clusterPlan(dir));
    assert.match(message, /ENOSPC/);
    assert.ok(message.includes(dir) && hint !== undefined);
    disk.free();
    assert.equal((await initCluster(clusterPlan(dir))).trustDomain, 'east.mesh.example');
  });
});
