import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseToken, printToken } from '../../clusters/join/token.ts';
import { KubeError } from '../../clusters/kubernetes/kube-error.ts';
import type { IsthmusProcess } from '../fixtures/isthmus-process.ts';
import { isthmus } from '../fixtures/isthmus-process.ts';
import { KubeApiServer, missingKubeApiServer } from '../fixtures/kube-api-server.ts';
import {
  type FederationReplica,
  type GatewayPod,
  KubernetesRelease,
  NAMESPACE,
} from '../fixtures/kubernetes-release.ts';
import { RedisServer } from '../fixtures/redis-server.ts';
import { missingTools } from '../fixtures/requirement.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const SECRETS = { group: '', version: 'v1', plural: 'secrets', namespaced: true };
const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };
const PEERS = { group: 'isthmus.io', version: 'v1alpha1', plural: 'clusterpeers', namespaced: false };
const ADMIN = { name: 'admin', password: 'of-the-store' };

interface PeerObjectStatus {
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
  readonly lastSeen?: string;
  readonly roundTripMs?: number;
  readonly gateways?: readonly string[];
}

async function page(port: number, path: string): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, body: await response.text() };
  } catch {
    // Not listening yet, or not any more.
    return { status: 0, body: '' };
  }
}

/** What a person or a program asks of the file that it holds. */
function has(answer: { readonly body: string }, text: string): boolean {
  return answer.body.includes(text);
}

describe('with Redis as their store', { skip: missingTools('redis-server') }, () => {
  describe('two clusters in Kubernetes', { skip: missingKubeApiServer(), timeout: 900_000 }, () => {
    const ends: (() => void | Promise<void>)[] = [];
    const owner = { after: (end: () => void | Promise<void>): void => void ends.unshift(end) };
    let redis: RedisServer;
    let east: KubernetesRelease;
    let west: KubernetesRelease;
    let eastService: FederationReplica;
    let westService: FederationReplica;
    let eastPod: GatewayPod;
    let eastGateway: IsthmusProcess;

    before(async () => {
      redis = await RedisServer.start(owner, {
        acl: `user default on >fixture ~* &* +@all\nuser ${ADMIN.name} on >${ADMIN.password} ~* &* +@all\n`,
        password: 'fixture',
      });
      const [first, second] = await Promise.all([KubeApiServer.start(owner), KubeApiServer.start(owner)]);
      [east, west] = await Promise.all([
        KubernetesRelease.install(owner, 'east', first),
        KubernetesRelease.install(owner, 'west', second),
      ]);
      await east.balance('127.0.0.1');
      await west.balance('127.0.0.1');
    });
    after(async () => {
      for (const end of ends) await end();
    });

    const memberOf = (process: IsthmusProcess, port: number) =>
      process.until('it serves', async () => has(await page(port, '/readyz'), '"ready"'));

    it('wait, and are ready meanwhile, until somebody makes them members', async () => {
      eastService = await east.federation(0);
      eastPod = await east.gateway();
      eastGateway = eastPod.start();
      const gateway = eastGateway;
      const { federationTelemetry, gatewayTelemetry } = east.ports;
      await eastService.process.until('it waits', async () =>
        has(await page(federationTelemetry, '/readyz'), 'waiting'),
      );
      await gateway.until('it waits', async () => has(await page(gatewayTelemetry, '/readyz'), 'waiting'));
      assert.equal((await page(federationTelemetry, '/readyz')).status, 200);
      assert.equal((await page(gatewayTelemetry, '/readyz')).status, 200);
      const status = await isthmus(owner, ['federation', 'status', '--config', eastService.file]);
      assert.equal(status.code, 3);
      assert.match(status.stderr, /waits for a membership.*\nhint: isthmus cluster register/);

      const passwordFile = join(tempFolder(owner), 'password');
      await writeFile(passwordFile, ADMIN.password);
      const store = ['--store', redis.url, '--store-admin-user', ADMIN.name];
      const args = [...store, '--store-admin-password-file', passwordFile, '--output', 'json'];
      const wrong = await eastService.run('init', 'middle', '--clusterset', 'mesh.example', ...args);
      assert.match(wrong.stderr, /this release is of a cluster called east, not middle/);
      const init = await eastService.run('init', 'east', '--clusterset', 'mesh.example', ...args);
      assert.equal(init.code, 0, init.stderr);
      const made = JSON.parse(init.stdout);
      assert.equal(made.trustDomain, 'east.mesh.example');
      assert.deepEqual(made.advertised, [`127.0.0.1:${east.ports.mesh}`]);
      await memberOf(eastService.process, federationTelemetry);
      await memberOf(gateway, gatewayTelemetry);
    });

    it('join by a token, the second time nobody', async () => {
      westService = await west.federation(0);
      await westService.process.until('it waits', async () =>
        has(await page(west.ports.federationTelemetry, '/readyz'), 'waiting'),
      );
      const invited = await eastService.run('invite', 'west', '--output', 'json');
      assert.equal(invited.code, 0, invited.stderr);
      const { token } = JSON.parse(invited.stdout);
      const file = join(tempFolder(owner), 'token');
      await writeFile(file, token);
      const join1 = await westService.run('join', '--token-file', file, '--output', 'json');
      assert.equal(join1.code, 0, join1.stderr);
      assert.equal(JSON.parse(join1.stdout).invitedBy, 'east');
      await memberOf(westService.process, west.ports.federationTelemetry);
      const pod = await west.gateway();
      await writeFile(pod.tokenFile, await west.gatewayToken('somebody-else'));
      const gateway = pod.start();
      await gateway.until('its token is refused', () =>
        /not of this cluster’s gateways.*is asked again/.test(gateway.stdout + gateway.stderr),
      );
      assert.equal((await page(pod.telemetry, '/readyz')).status, 503);
      await writeFile(pod.tokenFile, await west.gatewayToken());
      await memberOf(gateway, west.ports.gatewayTelemetry);

      const again = await westService.run('join', '--token-file', file);
      assert.match(again.stderr, /already is a cluster's folder/);
      const peer = (await east.admin.get(PEERS, { name: 'west' })) as { readonly spec: object };
      assert.deepEqual(peer.spec, {
        trustDomain: 'west.mesh.example',
        gateways: [`127.0.0.1:${west.ports.mesh}`],
      });
      assert.ok(await west.admin.get(PEERS, { name: 'east' }));
      await eastService.process.until('it knows west', async () => {
        const { stdout } = await eastService.run('list', '--output', 'json');
        const members: { cluster: string; reach: string }[] = JSON.parse(stdout || '{"members":[]}').members;
        return members.some(({ cluster, reach }) => cluster === 'west' && reach === 'synced');
      });
      const status = await eastService.run('status', '--output', 'json');
      assert.deepEqual([status.code, JSON.parse(status.stdout).gateway], [0, null]);
    });

    it('say in the status of each other’s ClusterPeer that all is well, as their own service accounts', async () => {
      const status = async (release: KubernetesRelease, name: string) =>
        ((await release.admin.get(PEERS, { name })) as { readonly status?: PeerObjectStatus }).status;
      for (const [release, replica, name] of [
        [east, eastService, 'west'],
        [west, westService, 'east'],
      ] as const) {
        await replica.process.until(`it says so of ${name}`, async () => {
          const found = await status(release, name);
          const said = (found?.conditions ?? []).map((one) => `${one.type}=${one.status}`).join(' ');
          return said === 'Connected=True Trusted=True Synced=True' && (found?.roundTripMs ?? 0) > 0;
        });
        const found = await status(release, name);
        assert.match(found?.lastSeen ?? '', /Z$/);
        assert.equal(found?.gateways?.length, 1);
      }
    });

    it('tell each other of the services that the objects of their API export', async () => {
      await west.exportService('shop', 'payments');
      const services = async () => {
        const { stdout } = await eastService.run('list', '--output', 'json');
        const members: { cluster: string; services: number }[] = JSON.parse(
          stdout || '{"members":[]}',
        ).members;
        return members.find(({ cluster }) => cluster === 'west')?.services;
      };
      await eastService.process.until('it knows the service', async () => (await services()) === 1);
    });

    it('have each key in their own cluster only', async () => {
      const data = async (release: KubernetesRelease) =>
        (
          (await release.admin.get(SECRETS, { namespace: NAMESPACE, name: 'isthmus-membership' })) as {
            readonly data: Readonly<Record<string, string>>;
          }
        ).data;
      const [ofEast, ofWest] = [await data(east), await data(west)];
      assert.ok(ofEast['trust_root.key'] !== undefined && ofWest['trust_root.key'] === undefined);
      assert.notEqual(ofEast['trust_intermediate.key'], ofWest['trust_intermediate.key']);
      const map = (await east.admin.get(CONFIG_MAPS, {
        namespace: NAMESPACE,
        name: 'isthmus-clusterset',
      })) as {
        readonly data: Readonly<Record<string, string>>;
      };
      assert.deepEqual(Object.keys(map.data).sort(), [
        'bundle.json',
        'cluster',
        'clusterset',
        'region',
        'zone',
      ]);
    });

    it('take an invite that another replica gave, once, whichever of them is asked', async () => {
      const second = await east.federation(1);
      await memberOf(second.process, second.telemetry);
      const pod = await east.gateway(second);
      const another = pod.start();
      await memberOf(another, pod.telemetry);
      const invited = await second.run('invite', 'north', '--output', 'json');
      assert.equal(invited.code, 0, invited.stderr);
      const token = parseToken(JSON.parse(invited.stdout).token);
      const place = ['--region', 'eu', '--zone', 'n', '--advertise', 'north.example:1'];
      const gateways = [east.ports.mesh, pod.mesh].map((port) => `127.0.0.1:${port}`);
      const joins = await Promise.all(
        [0, 1, 2, 3].map(async (number) => {
          const folder = tempFolder(owner);
          const dir = join(folder, `north-${number}`);
          mkdirSync(dir);
          // Each gateway brings it to another replica, a process of its own.
          const file = join(folder, 'token');
          await writeFile(file, printToken({ ...token, gateways: gateways.slice(number % 2).slice(0, 1) }));
          return isthmus(owner, ['cluster', 'join', '--token-file', file, '--dir', dir, ...place]);
        }),
      );
      assert.deepEqual(
        joins.map(({ code }) => code).sort(),
        [0, 1, 1, 1],
        joins.map((j) => j.stderr).join('\n'),
      );
      for (const { code, stderr } of joins) if (code !== 0) assert.match(stderr, /token was used already/);
      await another.stop();
      await second.process.stop();
    });

    it('serve on while the API server is away, and start again without it', async () => {
      const { federationTelemetry, gatewayTelemetry } = east.ports;
      await east.api.kill();
      assert.ok(has(await page(gatewayTelemetry, '/readyz'), '"ready"'));
      await eastGateway.stop();
      await memberOf(eastPod.start(), gatewayTelemetry);
      await eastService.process.until('it says so', async () =>
        has(await page(federationTelemetry, '/readyz'), 'degraded'),
      );
      await east.api.start();
      await memberOf(eastService.process, federationTelemetry);
    });

    it('lead again at once after a crash, for it was they who led', async () => {
      const LEASES = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', namespaced: true };
      const held = async () => {
        const lease = await east.admin.get(LEASES, { namespace: NAMESPACE, name: 'isthmus-federation' });
        const { spec } = lease as { spec: { holderIdentity: string; leaseTransitions: number } };
        return spec;
      };
      const before = await held();
      await eastService.process.stop('SIGKILL');
      eastService = await east.federation(0);
      await memberOf(eastService.process, east.ports.federationTelemetry);
      await eastService.process.until(
        'it took it up',
        async () => (await held()).leaseTransitions > before.leaseTransitions,
      );
      assert.equal((await held()).holderIdentity, before.holderIdentity);
    });

    it('are members no more when they left, and wait for the next', async () => {
      const sole = await westService.run('leave', '--yes');
      assert.match(sole.stderr, /no other cluster offers shop\/payments/);
      // By whichever replica is asked: the one that leads makes way for it.
      const second = await west.federation(1);
      await memberOf(second.process, second.telemetry);
      const left = await second.run('leave', '--yes', '--force', '--output', 'json');
      assert.equal(left.code, 0, left.stderr);
      assert.equal(JSON.parse(left.stdout).left, true);
      await Promise.all([second.process.ended, westService.process.ended]);
      await eastService.process.until('it was told', async () => {
        const { stdout } = await eastService.run('list', '--output', 'json');
        const members: { cluster: string; reach: string }[] = JSON.parse(stdout || '{"members":[]}').members;
        return members.some(({ cluster, reach }) => cluster === 'west' && reach === 'left');
      });
      for (const name of ['isthmus-membership', 'isthmus-invites']) {
        await assert.rejects(west.admin.get(SECRETS, { namespace: NAMESPACE, name }), (failure) =>
          KubeError.isNotFound(failure),
        );
      }
      const again = await west.federation(0);
      await again.process.until('it waits', async () =>
        has(await page(west.ports.federationTelemetry, '/readyz'), 'waiting'),
      );
    });
  });
});
