import assert from 'node:assert/strict';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import type { IsthmusProcess } from '../fixtures/isthmus-process.ts';
import { ask, exportedService, RunningCluster, startStore } from '../fixtures/running-cluster.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const ECHO = 'echo.shop.svc.clusterset.local';
const SOLO = 'solo.shop.svc.clusterset.local';
const OVER_MS = 4_000;
/** The answer to `/long`: longer than a drain and the way back take. */
const LONG_PARTS = 120;
const PART_INTERVAL_MS = 100;

const EQUAL = `
apiVersion: isthmus.io/v1alpha1
kind: FailoverPolicy
metadata: { name: echo, namespace: shop }
spec:
  targetRefs: [{ group: "", kind: Service, name: echo }]
  tiers: [{ clusters: [{ name: east }, { name: west }] }]
  failback: { holdDown: 30s, steps: [10, 50, 100], interval: 1s }
`;

/** A pod that says of which cluster it is. */
async function startPod(owner: Owner, cluster: string): Promise<number> {
  const port = await freePort();
  const server = createServer((request, response) => {
    if (request.url === '/long') {
      void writeSlowly((part) => response.write(part)).then(() => response.end());
    } else {
      setTimeout(() => response.end(cluster), 10);
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  owner.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return port;
}

async function writeSlowly(write: (part: string) => unknown): Promise<void> {
  for (let part = 0; part < LONG_PARTS; part++) {
    write(`${part}\n`);
    await sleep(PART_INTERVAL_MS);
  }
}

type Owner = { after(close: () => void | Promise<void>): void };

/** Clients of both gateways that ask one request after another and never try again, until `stop`. */
class Load {
  /** By where it came in: who answered, since `forget`. */
  answers: Record<string, Record<string, number>> = {};
  done = 0;
  readonly failures: string[] = [];
  readonly #clients: Promise<void>[];
  #since = 0;
  #stopped = false;

  constructor(clusters: readonly RunningCluster[]) {
    this.#clients = clusters.flatMap((cluster) =>
      Array.from({ length: 4 }, () => this.#run(cluster.name, cluster.ports.http)),
    );
  }

  /** What is asked from now on is counted anew. */
  forget(): void {
    this.#since = performance.now();
    this.answers = {};
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #run(source: string, port: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#stopped) {
      const askedAt = performance.now();
      const found = await request(agent, port, '/');
      this.done++;
      if (found.status !== 200) this.failures.push(`${source}: ${found.status} ${found.body}`);
      else if (askedAt >= this.#since) this.#count(source, found.body);
      await sleep(5);
    }
    agent.destroy();
  }

  #count(source: string, served: string): void {
    const counts = this.answers[source] ?? {};
    counts[served] = (counts[served] ?? 0) + 1;
    this.answers[source] = counts;
  }
}

function request(
  agent: Agent,
  port: number,
  path: string,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ status: 0, body: error.message });
    const onResponse = (response: IncomingMessage): void => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', failed);
    };
    get({ host: '127.0.0.1', port, path, headers: { host: ECHO }, agent }, onResponse).on('error', failed);
  });
}

/** One story in chapters, each of which goes on where the last one ended, under load from the first to the last. */
describe('draining a cluster, under load', { timeout: 240_000 }, () => {
  const lifetime = new Lifetime();
  const owner: Owner = { after: (close) => lifetime.add(close) };
  after(() => lifetime.close());

  let east: RunningCluster;
  let west: RunningCluster;
  let westFederation: IsthmusProcess;
  let load: Load;

  before(async () => {
    const root = tempFolder(owner);
    east = await RunningCluster.plan(owner, root, 'east');
    west = await RunningCluster.plan(owner, root, 'west');
    const store = await startStore(owner);
    await east.init(store.url);
    await east.start();
    const joined = await west.join(await east.invite('west'));
    assert.equal(joined.code, 0, joined.stderr);
    const { federation, gateway } = await west.start();
    westFederation = federation;
    for (const cluster of [east, west]) {
      cluster.resource('echo.yaml', exportedService('echo', await startPod(owner, cluster.name)));
      cluster.resource('policy.yaml', EQUAL);
    }
    west.resource('solo.yaml', exportedService('solo', await startPod(owner, 'west')));
    for (const at of [east, west]) await gateway.until('both clusters are equal', () => areEqual(at));
    load = new Load([east, west]);
    owner.after(() => load.stop());
  });

  /** By the policy; that both answered once may be a moment between two snapshots. */
  async function areEqual({ ports }: RunningCluster): Promise<boolean> {
    const { status, body } = await ask(ports.gatewayAdmin, '/why?service=shop/echo');
    if (status !== 200) return false;
    const [first] = JSON.parse(body).route.tiers as { groups: readonly Record<string, unknown>[] }[];
    return first?.groups.length === 2 && first.groups.every(({ finalPercent }) => finalPercent === 50);
  }

  /** West as the gateway of a cluster has it: that follows what its federation service says, a little later. */
  async function westAt({ ports }: RunningCluster): Promise<Readonly<Record<string, unknown>>> {
    const { status, body } = await ask(ports.gatewayAdmin, '/why?service=shop/echo');
    if (status !== 200) return {};
    const { clusters } = JSON.parse(body).route as { clusters: readonly Record<string, unknown>[] };
    return clusters.find((each) => each.cluster === 'west') ?? {};
  }

  async function untilDrained(...clusters: readonly RunningCluster[]): Promise<void> {
    for (const at of clusters) while ((await westAt(at)).standing !== 'drained') await sleep(20);
  }

  async function cluster(name: 'drain' | 'undrain', at: RunningCluster, ...args: string[]) {
    const { code, stdout, stderr } = await at.command(
      ...([name, 'west', '--dir', at.dir, ...args, '--output', 'json'] as const),
    );
    return { code, stderr, result: stdout === '' ? undefined : JSON.parse(stdout) };
  }

  /** Who serves what comes in, once there was enough of it. */
  async function served(at: RunningCluster): Promise<readonly string[]> {
    load.forget();
    const count = () => Object.values(load.answers[at.name] ?? {}).reduce((sum, each) => sum + each, 0);
    while (count() < 100) await sleep(20);
    return Object.keys(load.answers[at.name] ?? {}).sort();
  }

  async function memberAt(at: RunningCluster, name: string): Promise<Record<string, unknown> | undefined> {
    const { stdout } = await at.command('list', '--dir', at.dir, '--output', 'json');
    const { members } = JSON.parse(stdout) as { members: readonly Record<string, unknown>[] };
    return members.find((member) => member.cluster === name);
  }

  it('both clusters serve what comes in at either', async () => {
    assert.deepEqual(await served(east), ['east', 'west']);
    assert.deepEqual(await served(west), ['east', 'west']);
  });

  it('is refused for what is served nowhere else', async () => {
    const { code, stderr } = await cluster('drain', west, '--over', '4s');
    assert.equal(code, 1);
    assert.match(stderr, /west should not be drained yet: no other cluster has a host for shop\/solo\n/);
    assert.equal((await memberAt(east, 'west'))?.drainedPercent, 0);
  });

  it('by its own order leaves nothing in any cluster, and cuts nothing that is under way', async () => {
    const agent = new Agent();
    const long = request(agent, east.ports.http, '/long');
    // The other one: where a long answer comes from is the turn's choice.
    const other = request(agent, east.ports.http, '/long');
    const { code, stderr, result } = await cluster('drain', west, '--over', `${OVER_MS}ms`, '--force');
    assert.equal(code, 0, stderr);
    const facts = { cluster: 'west', scope: 'everywhere', changed: true, takenPercent: 100 };
    assert.deepEqual(result, { ...facts, over: '4s', kept: ['shop/solo'] });
    assert.match(stderr, /warning: no other cluster has a host for shop\/solo: west keeps their requests/);
    await untilDrained(east, west);
    assert.deepEqual(await served(east), ['east']);
    assert.deepEqual(await served(west), ['east']);
    const whole = Array.from({ length: LONG_PARTS }, (_, part) => `${part}\n`).join('');
    assert.deepEqual([await long, await other], Array(2).fill({ status: 200, body: whole }));
    agent.destroy();
  });

  it('keeps the requests of a service that is nowhere else', async () => {
    for (const { ports } of [east, west]) {
      assert.deepEqual(await ask(ports.http, '/', SOLO), { status: 200, body: 'west' });
    }
  });

  it('is told of at each member', async () => {
    assert.equal((await memberAt(east, 'west'))?.drainedPercent, 100);
    assert.equal((await memberAt(west, 'west'))?.drainedPercent, 100);
    const status = await east.command('status', '--dir', east.dir);
    assert.match(status.stdout, /^west +synced +steady +100 % /m);
    assert.match(status.stdout, /^! west keeps shop\/solo: no other cluster has a host for that$/m);
    const metrics = await ask(east.ports.federationAdmin, '/metrics');
    assert.match(metrics.body, /^isthmus_drained_ratio\{cluster="west"\} 1$/m);
    assert.match(metrics.body, /^isthmus_drained_ratio\{cluster="east"\} 0$/m);
    const found = await westAt(east);
    assert.deepEqual([found.standing, found.sharePercent], ['drained', 0]);
    assert.match(String(found.reason), /^no share: it drains itself, nothing is left since /);
    const solo = JSON.parse((await ask(east.ports.gatewayAdmin, '/why?service=shop/solo')).body).route;
    assert.match(solo.decision[0], /^west is drained, and keeps all requests all the same: /);
  });

  it('is done already when it is ordered again', async () => {
    const { code, result } = await cluster('drain', west, '--over', '4s');
    assert.deepEqual([code, result.changed, result.takenPercent], [0, false, 100]);
  });

  it('outlives the federation service that ordered it', async () => {
    await westFederation.stop('SIGKILL');
    westFederation = west.federation();
    await westFederation.until('it is ready', async () => {
      return (await ask(west.ports.federationAdmin, '/readyz')).status === 200;
    });
    assert.deepEqual(await served(east), ['east']);
    assert.deepEqual(await served(west), ['east']);
    assert.equal((await memberAt(east, 'west'))?.drainedPercent, 100);
  });

  it('ends by steps when it is taken back', async () => {
    const standings = new Set<unknown>();
    // The first steps may be over before the command ends.
    const begun = cluster('undrain', west, '--no-wait');
    while (!standings.has('stepping') && !standings.has('returned')) {
      standings.add((await westAt(east)).standing);
      await sleep(20);
    }
    const { code, result } = await begun;
    assert.deepEqual([code, result.changed], [0, true]);
    for (const at of [east, west]) while ((await served(at)).length < 2) await sleep(50);
    const again = await cluster('undrain', west);
    assert.deepEqual([again.code, again.result.changed], [0, false]);
  });

  it('of a peer is the affair of the cluster that orders it', async () => {
    const { code, stderr, result } = await cluster('drain', east, '--over', '0s', '--force');
    assert.deepEqual([code, result?.scope, result?.takenPercent], [0, 'here', 100], stderr);
    await untilDrained(east);
    assert.deepEqual(await served(east), ['east']);
    assert.deepEqual(await served(west), ['east', 'west']);
    const back = await cluster('undrain', east, '--no-wait');
    assert.deepEqual([back.code, back.result.changed], [0, true], back.stderr);
    while ((await served(east)).length < 2) await sleep(50);
  });

  it('failed no request', async () => {
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.ok(load.done > 1_000, `${load.done} requests`);
  });
});
