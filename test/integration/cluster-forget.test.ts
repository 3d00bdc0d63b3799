import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { type CommandResult, type IsthmusProcess, isthmus } from '../fixtures/isthmus-process.ts';
import { RedisServer } from '../fixtures/redis-server.ts';
import { missingTools } from '../fixtures/requirement.ts';
import { ask, exportedService, RunningCluster } from '../fixtures/running-cluster.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const PASSWORD = 'of-the-store';

interface Member {
  readonly cluster: string;
  readonly reach: string;
  readonly services: number;
}

/** One story: east founds, west and north join; west is lost for good, and is forgotten. Each test goes on from the last. */
describe('a cluster that is lost for good', { skip: missingTools('redis-server'), timeout: 240_000 }, () => {
  const lifetime = new Lifetime();
  const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
  after(() => lifetime.close());

  let redis: RedisServer;
  let east: RunningCluster;
  let west: RunningCluster;
  let north: RunningCluster;
  let eastGateway: IsthmusProcess;
  let eastFederation: IsthmusProcess;
  let westFederation: IsthmusProcess;

  before(async () => {
    const root = tempFolder(owner);
    redis = await RedisServer.start(owner, { password: PASSWORD });
    const password = join(root, 'admin');
    writeFileSync(password, PASSWORD);
    [east, west, north] = [
      await RunningCluster.plan(owner, root, 'east'),
      await RunningCluster.plan(owner, root, 'west'),
      await RunningCluster.plan(owner, root, 'north'),
    ];
    await east.init(redis.url, '--store-admin-password-file', password);
    ({ federation: eastFederation, gateway: eastGateway } = await east.start());
    for (const cluster of [west, north]) {
      const joined = await cluster.join(await east.invite(cluster.name));
      assert.equal(joined.code, 0, joined.stderr);
    }
    // Only who trusts whom and who says what is looked at, so the others need no gateways.
    await eastGateway.stop('SIGTERM');
    westFederation = west.federation();
    const northFederation = north.federation();
    west.resource('echo.yaml', exportedService('echo', 1));
    await northFederation.until(
      'it knows what west offers',
      async () => (await seen(north, 'west')).services === 1,
    );
    await eastFederation.until('east does too', async () => (await seen(east, 'west')).services === 1);
  });

  async function seen(by: RunningCluster, cluster: string): Promise<Member> {
    const none = { cluster, reach: 'not there', services: 0 };
    if ((await ask(by.ports.federationAdmin, '/readyz')).status === 0) return none;
    const { code, stdout } = await by.command('list', '--dir', by.dir, '--output', 'json');
    if (code !== 0) return none;
    const { members } = JSON.parse(stdout) as { members: readonly Member[] };
    return members.find((member) => member.cluster === cluster) ?? none;
  }

  function forget(...args: readonly string[]): Promise<CommandResult> {
    return east.command('forget', 'west', '--dir', east.dir, ...args);
  }

  it('is not forgotten while it is heard, nor by accident, nor elsewhere', async () => {
    const early = await forget('--yes');
    assert.equal(early.code, 1);
    assert.match(
      early.stderr,
      /^error: west is not lost: it was heard .* ago\nhint: let it leave by itself: /,
    );
    const other = await east.command('forget', 'south', '--dir', east.dir, '--yes');
    assert.match(other.stderr, /^error: east knows no cluster south\nhint: it knows: /);
    const self = await east.command('forget', 'east', '--dir', east.dir, '--yes');
    assert.deepEqual([self.code, self.stderr.split('\n')[0]], [2, 'error: east is this cluster itself']);
    const elsewhere = await north.command('forget', 'west', '--dir', north.dir, '--yes', '--force');
    assert.match(elsewhere.stderr, /^error: north does not hold the clusterset's root/);
    assert.equal((await seen(north, 'west')).reach, 'synced');
  });

  it('is shown with what would be lost, and a person has to say yes', async () => {
    await westFederation.stop('SIGKILL');
    await eastFederation.until(
      'west is silent',
      async () => (await seen(east, 'west')).reach === 'unreachable',
    );
    const doubtful = await forget('--yes');
    assert.match(doubtful.stderr, /^error: west may not be lost: .* its gateways were not seen failing/);
    const unsaid = await forget('--force');
    assert.equal(unsaid.code, 2);
    const shown = await forget('--dry-run', '--output', 'json');
    assert.equal(shown.code, 0, shown.stderr);
    const { onlyThere, services, forgotten, lastSeen } = JSON.parse(shown.stdout);
    assert.deepEqual([onlyThere, services, forgotten], [['shop/echo'], 1, false]);
    assert.ok(!Number.isNaN(Date.parse(lastSeen)));
    assert.equal((await seen(north, 'west')).services, 1, 'nothing has changed');
  });

  it('is forgotten by all members, and by the store', async () => {
    const done = await forget('--yes', '--force');
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /mesh\.example forgets west: 1 service is withdrawn/);
    assert.match(done.stdout, /no other cluster offers shop\/echo: that ends/);
    assert.match(done.stdout, /in north: kubectl delete clusterpeer west/);
    for (const cluster of [east, north]) {
      while ((await seen(cluster, 'west')).reach !== 'left') await sleep(50);
      assert.equal((await seen(cluster, 'west')).services, 0);
    }
    assert.equal(existsSync(join(east.dir, 'resources/peers/west.yaml')), false);
    const users = await redis.client({ username: 'default', password: PASSWORD }).call('acl', 'users');
    assert.deepEqual([...(users as string[])].sort(), ['default', 'isthmus-east', 'isthmus-north']);
  });

  it('cannot come back by itself, but may be invited anew; to forget it again changes nothing', async () => {
    assert.equal((await forget('--yes')).code, 0);
    const back = west.federation();
    await back.until('its user is refused', async () => {
      const { stdout } = await west.command('check', '--dir', west.dir);
      return /✖ store: /.test(stdout);
    });
    await back.stop('SIGKILL');
    assert.equal((await seen(north, 'west')).reach, 'left');
    assert.match(await east.invite('west'), /^isthmus/);
    const still = await isthmus(owner, ['cluster', 'list', '--dir', north.dir]);
    assert.match(still.stdout, /^west +left /m);
  });
});
