import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { ManualClock } from '../../../federation/runtime/clock.ts';
import { defineClusterPeer } from '../../../test/fixtures/cluster-peer-crd.ts';
import { clusterPlan } from '../../../test/fixtures/cluster-plan.ts';
import { KubeApiServer, missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { tempFolder } from '../../../test/fixtures/temp-folder.ts';
import { initCluster } from '../../folder/init.ts';
import { folderLayout } from '../../folder/layout.ts';
import { KubeClient } from '../kube-client.ts';
import { ClustersetMap, clustersetFacts } from './clusterset-map.ts';
import { FolderKeeper } from './folder-keeper.ts';
import { followObject } from './followed-object.ts';
import { InvitesSecret } from './invites-secret.ts';
import { kubernetesRecords } from './kubernetes-records.ts';
import { MemberFolder } from './member-folder.ts';
import { PortsMap } from './ports-map.ts';
import { CLUSTER_PEERS, CONFIG_MAPS, SECRETS } from './resource-types.ts';
import { TokenProof } from './token-proof.ts';

const NOW_MS = 1_800_000_000_000;

describe('a membership in Kubernetes', { skip: missingKubeApiServer(), timeout: 120_000 }, () => {
  const suite = KubeApiServer.forSuite();
  let server: KubeApiServer;
  let client: KubeClient;
  let made = 0;

  before(async () => {
    server = suite.server;
    client = await KubeClient.ofContext({ kubeconfig: server.kubeconfig });
    await defineClusterPeer(client);
  });
  after(() => client?.close());

  /** A namespace of its own. */
  async function namespace(): Promise<string> {
    made++;
    const name = `release-${made}`;
    await client.create(
      { group: '', version: 'v1', plural: 'namespaces', namespaced: false },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    );
    return name;
  }

  function keeper(t: TestContext, at: string) {
    const layout = folderLayout(join(tempFolder(t), 'member'));
    return {
      layout,
      keeper: new FolderKeeper({
        client,
        namespace: at,
        name: 'isthmus-membership',
        cluster: 'east',
        layout,
      }),
    };
  }

  async function founded(t: TestContext, at: string) {
    const kept = keeper(t, at);
    assert.equal(await kept.keeper.pull(), 'none');
    await initCluster({ ...clusterPlan(kept.layout.root), listen: undefined });
    return kept;
  }

  it('is brought home by one replica and fetched by another, each file private', async (t) => {
    const at = await namespace();
    const first = await founded(t, at);
    await first.keeper.push();
    const second = keeper(t, at);
    assert.equal(await second.keeper.pull(), 'member');
    for (const file of ['cluster.yaml', 'trust/root.key', 'trust/intermediate.key', 'trust/bundle.json']) {
      const { mode } = statSync(join(second.layout.root, file));
      assert.equal(mode & 0o777, 0o600, file);
    }
    assert.ok(!existsSync(second.layout.gatewayFile), 'the programs’ own files are the chart’s');
    assert.ok(!existsSync(second.layout.invites));
  });

  it('is not taken by two who found it at once', async (t) => {
    const at = await namespace();
    const [one, other] = [await founded(t, at), await founded(t, at)];
    const results = await Promise.allSettled([one.keeper.push(), other.keeper.push()]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const lost = results.find(({ status }) => status === 'rejected');
    assert.match(String(lost?.status === 'rejected' && lost.reason), /was made by somebody else meanwhile/);
  });

  it('is not overwritten by one who read it before another changed it', async (t) => {
    const at = await namespace();
    const first = await founded(t, at);
    await first.keeper.push();
    const second = keeper(t, at);
    await second.keeper.pull();
    writeFileSync(first.layout.storeCaFile, 'new');
    await first.keeper.push();
    writeFileSync(second.layout.storeCaFile, 'late');
    await assert.rejects(second.keeper.push(), {
      name: 'UserError',
      message: /was changed by somebody else/,
    });
    await second.keeper.pull();
    await second.keeper.push();
  });

  it('says so when the folder is more than a Secret takes', async (t) => {
    const at = await namespace();
    const { keeper: subject, layout } = await founded(t, at);
    writeFileSync(layout.storeCaFile, 'x'.repeat(1024 * 1024));
    await assert.rejects(subject.push(), { name: 'UserError', message: /and a Secret takes 1048576/ });
  });

  it('ends with its Secret, and leaves no key on the disk', async (t) => {
    const at = await namespace();
    const { keeper: subject, layout } = await founded(t, at);
    await subject.push();
    await subject.remove();
    assert.equal(await subject.pull(), 'none');
    for (const path of [layout.clusterFile, layout.trust]) {
      assert.ok(!existsSync(join(path, 'root.key')));
      assert.ok(!existsSync(join(path, 'intermediate.key')));
    }
    assert.ok(!existsSync(layout.clusterFile));
    await assert.rejects(client.get(SECRETS, { namespace: at, name: 'isthmus-membership' }), { status: 404 });
  });

  it('refuses a Secret of that name that holds something else', async (t) => {
    const at = await namespace();
    const metadata = { name: 'isthmus-membership', namespace: at };
    await client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata, data: { password: 'eA==' } });
    await assert.rejects(keeper(t, at).keeper.pull(), { message: /does not hold a membership/ });
  });

  it('lets an invite be used once, whatever number of replicas redeem it at once', async () => {
    const at = await namespace();
    const replica = () =>
      kubernetesRecords(client, new InvitesSecret({ client, namespace: at, name: 'isthmus-invites' }))
        .invites;
    const { id, secret } = await replica().create('west', NOW_MS + 60_000, NOW_MS);
    const other = await replica().create('north', NOW_MS + 60_000, NOW_MS);
    const claim = { id, secret, cluster: 'west', nowMs: NOW_MS };
    assert.deepEqual(await replica().check(claim), { kind: 'accepted' });
    const verdicts = await Promise.all(Array.from({ length: 8 }, () => replica().redeem(claim)));
    assert.equal(verdicts.filter(({ kind }) => kind === 'accepted').length, 1);
    assert.ok(verdicts.every((verdict) => verdict.kind === 'accepted' || verdict.reason === 'used'));
    assert.deepEqual(await replica().check(claim), { kind: 'refused', reason: 'used' });
    const wrong = { ...claim, secret: other.secret };
    assert.deepEqual(await replica().redeem(wrong), { kind: 'refused', reason: 'unknown' });
    const later = { ...other, cluster: 'north', nowMs: NOW_MS + 60_000 };
    assert.deepEqual(await replica().redeem(later), { kind: 'refused', reason: 'expired' });
    assert.deepEqual(await replica().redeem({ ...later, nowMs: NOW_MS }), { kind: 'accepted' });
  });

  it('forgets invites that are long over', async () => {
    const at = await namespace();
    const kept = new InvitesSecret({ client, namespace: at, name: 'isthmus-invites' });
    const { invites } = kubernetesRecords(client, kept);
    const old = await invites.create('west', NOW_MS, NOW_MS - 1);
    const twoDaysLater = NOW_MS + 2 * 86_400_000;
    await invites.create('west', twoDaysLater + 1000, twoDaysLater);
    assert.ok(!(await kept.read()).has(old.id));
  });

  it('writes a peer, and lets what somebody allowed it there be', async () => {
    const at = await namespace();
    const kept = new InvitesSecret({ client, namespace: at, name: 'isthmus-invites' });
    const { peers } = kubernetesRecords(client, kept);
    assert.equal(await peers.has('west'), false);
    const peer = { cluster: 'west', trustDomain: 'west.mesh.example', gateways: ['10.0.0.1:15443'] };
    await peers.write(peer);
    const metadata = { name: 'west' };
    const mine = { apiVersion: 'isthmus.io/v1alpha1', kind: 'ClusterPeer', metadata };
    await client.apply(
      CLUSTER_PEERS,
      { ...mine, spec: { allowedNamespaces: ['shop'] } },
      { fieldManager: 'somebody' },
    );
    await peers.write({ ...peer, gateways: ['10.0.0.2:15443'] });
    const { spec } = (await client.get(CLUSTER_PEERS, metadata)) as { readonly spec: unknown };
    assert.deepEqual(spec, {
      allowedNamespaces: ['shop'],
      gateways: ['10.0.0.2:15443'],
      trustDomain: 'west.mesh.example',
    });
    assert.equal(await peers.has('west'), true);
  });

  it('tells gateways of each change, and goes on after the API server was away', async (t) => {
    const at = await namespace();
    const map = new ClustersetMap({ client, namespace: at, name: 'isthmus-clusterset' });
    const facts = { cluster: 'east', clusterset: 'mesh.example', locality: { region: 'eu', zone: 'a' } };
    const heard: (string | undefined)[] = [];
    const problems: unknown[] = [];
    const told = Promise.withResolvers<void>();
    const end = new AbortController();
    t.after(() => end.abort());
    const until = async (last: string | undefined): Promise<void> => {
      while (heard.length === 0 || heard.at(-1) !== last) await new Promise((done) => setTimeout(done, 20));
    };
    const following = followObject({
      client,
      type: CONFIG_MAPS,
      namespace: at,
      name: 'isthmus-clusterset',
      signal: end.signal,
      random: () => 0,
      changed: (object) => void heard.push(clustersetFacts(object)?.bundle),
      problem: (failure) => {
        problems.push(failure);
        if (failure !== undefined) told.resolve();
      },
    });
    await until(undefined);
    await map.publish({ ...facts, bundle: 'one' });
    await until('one');
    await map.publish({ ...facts, bundle: 'one' });
    await server.kill();
    await told.promise;
    await server.start();
    await map.publish({ ...facts, bundle: 'two' });
    await until('two');
    assert.equal(problems.at(-1), undefined);
    assert.deepEqual(
      heard.filter((bundle, index) => bundle !== heard[index - 1]),
      ['one', 'two'],
    );
    await map.remove();
    await until(undefined);
    end.abort();
    await following;
  });

  it('follows its Secret, and brings home what was renewed', async (t) => {
    const at = await namespace();
    const open = () => {
      const layout = folderLayout(join(tempFolder(t), 'member'));
      const problems: unknown[] = [];
      const problem = (failure: unknown): void => {
        if (failure !== undefined) problems.push(failure);
      };
      const folder = new MemberFolder({
        client,
        namespace: at,
        name: 'isthmus-membership',
        cluster: 'east',
        layout,
        random: () => 0,
        problem,
      });
      t.after(() => folder.close());
      return { layout, folder, problems };
    };
    const [one, other] = [open(), open()];
    await Promise.all([one.folder.until('none'), other.folder.until('none')]);
    const command = await founded(t, at);
    await command.keeper.push();
    const { file } = await one.folder.until('member');
    assert.equal(file.cluster, 'east');
    await other.folder.until('member');
    writeFileSync(one.layout.storeCaFile, 'renewed');
    await one.folder.bringHome();
    while (!existsSync(other.layout.storeCaFile)) await new Promise((done) => setTimeout(done, 20));
    await command.keeper.pull();
    await command.keeper.remove();
    const ended = await Promise.all([one.folder.until('ended'), other.folder.until('ended')]);
    assert.equal(ended[0].reason, 'the membership was ended');
    assert.ok(!existsSync(join(one.layout.trust, 'root.key')));
    assert.deepEqual([...one.problems, ...other.problems], []);
  });

  it('goes on with what it has when its Secret becomes another cluster’s', async (t) => {
    const at = await namespace();
    const command = await founded(t, at);
    await command.keeper.push();
    const layout = folderLayout(join(tempFolder(t), 'member'));
    const name = 'isthmus-membership';
    const { promise: told, resolve } = Promise.withResolvers<unknown>();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    let isTold = false;
    const problem = (failure: unknown): void => {
      if (failure !== undefined) {
        isTold = true;
        resolve(failure);
      } else if (isTold) end();
    };
    const common = { client, namespace: at, name, cluster: 'east', layout, random: () => 0 };
    const folder = new MemberFolder({ ...common, problem });
    t.after(() => folder.close());
    const { file } = await folder.until('member');
    const before = readFileSync(layout.clusterFile, 'utf8');
    writeFileSync(command.layout.clusterFile, before.replace('cluster: east', 'cluster: west'));
    await command.keeper.push();
    assert.match(String(await told), /the membership is of cluster west, and this release is of east/);
    assert.deepEqual(folder.state.value, { kind: 'member', file });
    assert.equal(readFileSync(layout.clusterFile, 'utf8'), before);
    writeFileSync(command.layout.clusterFile, before);
    await command.keeper.push();
    await over;
  });

  it('gives the ports of the replica that leads to the others, and to the next pod', async (t) => {
    const at = await namespace();
    const replica = async (leads: boolean) => {
      const path = join(tempFolder(t), 'ports.json');
      const clock = new ManualClock();
      const problems: unknown[] = [];
      const problem = (failure: unknown): void => {
        if (failure !== undefined) problems.push(failure);
      };
      const common = { client, namespace: at, name: 'isthmus-ports', path, clock, problem };
      const map = await PortsMap.open({ ...common, leads: () => leads, random: () => 0 });
      t.after(() => map.close());
      return { path, clock, problems };
    };
    const follower = await replica(false);
    const leader = await replica(true);
    const until = async (path: string, text: string): Promise<void> => {
      while (!existsSync(path) || readFileSync(path, 'utf8') !== text)
        await new Promise((done) => setTimeout(done, 20));
    };
    for (const text of ['{"grants":[1]}', '{"grants":[1,2]}']) {
      writeFileSync(leader.path, text);
      leader.clock.advance(2000);
      await until(follower.path, text);
    }
    assert.equal(readFileSync((await replica(true)).path, 'utf8'), '{"grants":[1,2]}');
    assert.deepEqual([...leader.problems, ...follower.problems], []);
  });

  it('knows a gateway by the token of its service account, and nobody else', async () => {
    const at = await namespace();
    const accounts = { group: '', version: 'v1', plural: 'serviceaccounts', namespaced: true };
    for (const name of ['isthmus-gateway', 'other']) {
      const metadata = { name, namespace: at };
      await client.create(accounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    }
    const token = async (name: string, audience: string): Promise<string> => {
      const spec = { audiences: [audience], expirationSeconds: 600 };
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
      const answer = await client.createSubresource(accounts, { name, namespace: at }, 'token', body);
      return (answer as { readonly status: { readonly token: string } }).status.token;
    };
    let asked = 0;
    const clock = new ManualClock(Date.now());
    const serviceAccount = { namespace: at, name: 'isthmus-gateway' };
    const counted: Pick<KubeClient, 'tokenReview'> = {
      tokenReview: (...given) => {
        asked++;
        return client.tokenReview(...given);
      },
    };
    const proof = new TokenProof({ client: counted, clock, serviceAccount, audience: 'isthmus' });
    const good = await token('isthmus-gateway', 'isthmus');
    assert.equal((await proof.check(`${good}\n`)).kind, 'accepted');
    assert.equal((await proof.check(good)).kind, 'accepted');
    assert.equal(asked, 1, 'the second time it was known');
    clock.advance(61_000);
    await proof.check(good);
    assert.equal(asked, 2);
    for (const wrong of [
      await token('other', 'isthmus'),
      await token('isthmus-gateway', 'another'),
      server.token,
      '',
      'a.b.c',
      'x'.repeat(100_000),
    ]) {
      assert.equal((await proof.check(wrong)).kind, 'refused');
    }
    assert.equal(asked, 2, 'who cannot be meant is not asked about');
    const [head, body, signature = ''] = good.split('.');
    const forged = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    assert.equal((await proof.check(forged)).kind, 'refused');
    assert.equal(asked, 3);
    const away = new TokenProof({
      client: { tokenReview: () => Promise.reject(new Error('connect ECONNREFUSED')) },
      clock,
      serviceAccount,
      audience: 'isthmus',
    });
    assert.deepEqual(await away.check(good), {
      kind: 'unavailable',
      reason: 'the token could not be checked: connect ECONNREFUSED',
    });
  });
});
