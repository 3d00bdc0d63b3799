import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import type { IsthmusProcess } from '../fixtures/isthmus-process.ts';
import { RedisServer } from '../fixtures/redis-server.ts';
import { missingTools } from '../fixtures/requirement.ts';
import { ask, exportedService, RunningCluster, startStore } from '../fixtures/running-cluster.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { missingTinyDisk, TinyDisk } from '../fixtures/tiny-disk.ts';

const STACK = /\bat .*\.ts:\d+/;

type Owner = { after(close: () => void | Promise<void>): void };

/** What `/readyz` of a federation service says. */
interface Readiness {
  readonly kind: string;
  readonly problems?: readonly string[];
}

/** A cluster that serves a service of its own, `echo`, and goes on doing so whatever it is given. */
class ServedCluster {
  readonly cluster: RunningCluster;
  readonly echoPort: number;
  federation: IsthmusProcess;

  private constructor(cluster: RunningCluster, federation: IsthmusProcess, echoPort: number) {
    this.cluster = cluster;
    this.federation = federation;
    this.echoPort = echoPort;
  }

  /** `prepare` changes its folder after init and before it starts. */
  static async start(owner: Owner, init: (cluster: RunningCluster) => Promise<void>): Promise<ServedCluster> {
    const cluster = await RunningCluster.plan(owner, tempFolder(owner), 'east');
    await init(cluster);
    const echoPort = await startBackend(owner, 'here');
    cluster.resource('echo.yaml', exportedService('echo', echoPort));
    const { federation } = await cluster.start();
    const served = new ServedCluster(cluster, federation, echoPort);
    await federation.until('it serves', () => served.serves());
    return served;
  }

  /** Whether requests are answered, and by the backend that says `body`. */
  async serves(body?: string): Promise<boolean> {
    const answer = await ask(this.cluster.ports.http, '/', 'echo.shop.svc.clusterset.local');
    return answer.status === 200 && (body === undefined || answer.body === body);
  }

  /** undefined while nobody answers. */
  async problems(): Promise<readonly string[] | undefined> {
    const { body } = await ask(this.cluster.ports.federationAdmin, '/readyz');
    return body === '' ? undefined : ((JSON.parse(body) as Readiness).problems ?? []);
  }

  /** Waits until the problem is told, both by the admin endpoint and in the log, with a hint and no stack trace. */
  async tells(problem: RegExp): Promise<void> {
    await this.federation.until(`it tells of ${problem}`, async () =>
      ((await this.problems()) ?? []).some((text) => problem.test(text)),
    );
    await this.federation.until(`it logs ${problem} and what to do`, () => this.#logged(problem));
    assert.ok(!STACK.test(this.federation.stderr), this.federation.stderr);
    assert.ok(await this.serves(), 'what was good is served');
  }

  async isWell(): Promise<void> {
    await this.federation.until('all is well', async () => (await this.problems())?.length === 0);
    assert.ok(await this.serves());
  }

  #logged(problem: RegExp): boolean {
    return this.federation.stderr
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as { readonly message: string; readonly hint?: string })
      .some(({ message, hint = '' }) => problem.test(message) && hint !== '');
  }
}

async function startBackend(owner: Owner, body: string): Promise<number> {
  const port = await freePort();
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  owner.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return port;
}

describe('what is wrong in the resources is named by file and line, and what was good is served:', () => {
  const lifetime = new Lifetime();
  const owner: Owner = { after: (close) => lifetime.add(close) };
  after(() => lifetime.close());
  let east: ServedCluster;

  before(async () => {
    const { url } = await startStore(owner);
    east = await ServedCluster.start(owner, (cluster) => cluster.init(url));
  });

  const wrong: readonly (readonly [string, (good: string) => string, RegExp])[] = [
    ['broken YAML', (good) => `${good}---\nkind: [\n`, /^echo\.yaml:\d+: /],
    [
      'an unknown kind',
      (good) => good.replace('kind: Service\n', 'kind: Servise\n'),
      /^echo\.yaml:3: kind Servise is unknown$/,
    ],
    [
      'a port out of range',
      (good) => good.replace('port: 80,', 'port: 99999,'),
      /^echo\.yaml:5: spec\.ports\.0\.port: is not a port \(1 to 65535\)$/,
    ],
    ['a file that is no YAML', () => '\u0000\u0001{{{', /^echo\.yaml:1: /],
  ];
  for (const [what, spoil, problem] of wrong) {
    it(what, async () => {
      const good = exportedService('echo', east.echoPort);
      assert.notEqual(spoil(good), good);
      east.cluster.resource('echo.yaml', spoil(good));
      await east.tells(problem);
      east.cluster.resource('echo.yaml', good);
      await east.isWell();
    });
  }

  it('a duplicate service', async () => {
    east.cluster.resource('z.yaml', exportedService('echo', 1));
    await east.tells(/^z\.yaml:2: Service\/shop\/echo is also in echo\.yaml:2, which is used$/);
    east.cluster.resource('z.yaml', '');
    await east.isWell();
  });
});

describe('Redis that is not as it should be', { skip: missingTools('redis-server') }, () => {
  const lifetime = new Lifetime();
  const owner: Owner = { after: (close) => lifetime.add(close) };
  after(() => lifetime.close());
  let redis: RedisServer;
  let east: ServedCluster;

  before(async () => {
    redis = await RedisServer.start(owner, { acl: 'user default on >admin ~* &* +@all', password: 'admin' });
    const password = join(tempFolder(owner), 'password');
    writeFileSync(password, 'admin\n');
    east = await ServedCluster.start(owner, (cluster) =>
      cluster.init(redis.url, '--store-admin-password-file', password),
    );
  });

  async function failedChecks(): Promise<string> {
    const { code, stdout } = await east.cluster.command('check', '--dir', east.cluster.dir);
    assert.equal(code, 3);
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('✖ store'))
      .join('\n');
  }

  it('unreachable: is named by its address, and works again when it is back', async () => {
    await redis.kill();
    await east.tells(new RegExp(`127\\.0\\.0\\.1:${redis.port}`));
    assert.match(await failedChecks(), new RegExp(`127\\.0\\.0\\.1:${redis.port}`));
    await redis.start();
    await east.isWell();
  });

  it('with another password: is told before and after a restart, without the password', async () => {
    const file = join(east.cluster.dir, 'secrets/store-password');
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, 'not-the-password\n');
    assert.match(await failedChecks(), /isthmus-east/);
    await east.federation.stop();
    east.federation = east.cluster.federation();
    await east.tells(/isthmus-east/);
    assert.ok(!east.federation.stderr.includes('not-the-password'));
    writeFileSync(file, good);
    await east.federation.stop();
    east.federation = east.cluster.federation();
    await east.isWell();
  });
});

describe('a state folder on a full disk', { skip: missingTinyDisk() }, () => {
  const lifetime = new Lifetime();
  const owner: Owner = { after: (close) => lifetime.add(close) };
  after(() => lifetime.close());
  let disk: TinyDisk;
  let east: ServedCluster;

  before(async () => {
    disk = TinyDisk.make({ after: (end) => lifetime.add(end) });
    const { url } = await startStore(owner);
    east = await ServedCluster.start(owner, async (cluster) => {
      await cluster.init(url);
      for (const program of ['gateway', 'federation']) {
        const file = join(cluster.dir, `${program}.yaml`);
        const text = readFileSync(file, 'utf8');
        writeFileSync(file, text.replace(`state/${program}`, `${disk.path}/${program}`));
      }
    });
  });

  it('is named, while news still comes through, and is saved to again when there is room', async () => {
    disk.fill();
    const port = await startBackend(owner, 'there');
    east.cluster.resource('echo.yaml', exportedService('echo', port));
    await east.federation.until('news is served', () => east.serves('there'));
    await east.tells(new RegExp(`^${disk.path}/federation.*ENOSPC`));
    disk.free();
    await east.isWell();
    await east.federation.until('the log says so', () => east.federation.stderr.includes('no longer: '));
  });

  it('does not keep the programs from starting again with the state that they have', async () => {
    disk.fill();
    await east.federation.stop('SIGKILL');
    east.federation = east.cluster.federation();
    await east.tells(/ENOSPC/);
    disk.free();
    await east.isWell();
  });
});
