import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { type IsthmusProcess, isthmus } from '../fixtures/isthmus-process.ts';
import { missingTools } from '../fixtures/requirement.ts';
import { ask, exportedService, RunningCluster, startStore } from '../fixtures/running-cluster.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const launcher = join(import.meta.dirname, '../../cli.ts');
const HOST = 'echo.shop.svc.clusterset.local';
const STACK = /^ {4}at /m;

/** Told by what it says. */
interface Step {
  readonly name: string;
  readonly state: 'ok' | 'failed' | 'skipped';
  readonly detail: string;
}

/**
 * One story in chapters: a clusterset is founded, grows, serves, and shrinks, by nothing but the commands that a
 * person would use. Each chapter goes on where the last one ended.
 */
describe('the life of a cluster', { skip: missingTools('script'), timeout: 240_000 }, () => {
  const lifetime = new Lifetime();
  const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
  after(() => lifetime.close());

  let root: string;
  let east: RunningCluster;
  let west: RunningCluster;
  let westGateway: IsthmusProcess;
  let token: string;

  before(async () => {
    root = tempFolder(owner);
    east = await RunningCluster.plan(owner, root, 'east');
    west = await RunningCluster.plan(owner, root, 'west');
    const store = await startStore(owner);
    await east.init(store.url);
    await east.start();
  });

  async function check(cluster: RunningCluster): Promise<{ code: number | null; found: string[] }> {
    const { code, stdout } = await cluster.command('check', '--dir', cluster.dir, '--output', 'json');
    const { steps } = JSON.parse(stdout) as { steps: readonly Step[] };
    const found = steps.filter(({ state }) => state === 'failed').map(({ name }) => name);
    return { code, found };
  }

  it('its founder finds itself well', async () => {
    assert.deepEqual(await check(east), { code: 0, found: [] });
  });

  it('refuses an altered token and a token of another trust home', async () => {
    token = await east.invite('west');
    const altered = `${token.slice(0, 200)}${token[200] === 'A' ? 'B' : 'A'}${token.slice(201)}`;
    const { code, stderr } = await west.join(altered);
    assert.equal(code, 2);
    assert.match(stderr, /^error: the join token was altered or is not whole/);
    const south = await RunningCluster.plan(owner, root, 'south');
    // Its token leads to the gateway of east, which knows nothing of it.
    await south.init('memory://127.0.0.1:1', '--advertise', `127.0.0.1:${east.ports.mesh}`);
    const refused = await west.join(await south.invite('west'));
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^error: no gateway of south .*\n {2}\S+: its certificate does not/);
    assert.ok(![stderr, refused.stderr].some((text) => STACK.test(text) || text.includes(token)));
  });

  it('refuses an expired token', async () => {
    const short = await east.invite('west', '--ttl', '1s');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const { code, stderr } = await west.join(short);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error: west cannot join mesh\.example: the token has expired\nhint: make a new token/,
    );
  });

  it('lets west join through the gateway of east, once', async () => {
    const joined = await west.join(token, '--output', 'json');
    assert.equal(joined.code, 0, joined.stderr);
    const { cluster, trustDomain, invitedBy } = JSON.parse(joined.stdout) as Record<string, string>;
    assert.deepEqual([cluster, trustDomain, invitedBy], ['west', 'west.mesh.example', 'east']);
    const again = await RunningCluster.plan(owner, `${root}/again`, 'west');
    const used = await again.join(token);
    assert.equal(used.code, 1);
    assert.match(
      used.stderr,
      /the token was used already\nhint: make a new token with isthmus cluster invite west/,
    );
  });

  it('carries a request over the trunk to a service that west exports', async () => {
    const port = await startBackend();
    const programs = await west.start();
    westGateway = programs.gateway;
    west.resource('echo.yaml', exportedService('echo', port));
    await eastAnswers(200);
    for (const [command, status] of [
      ['unexport', 404],
      ['export', 200],
    ] as const) {
      const { code, stderr } = await isthmus(owner, ['service', command, 'shop/echo', '--dir', west.dir]);
      assert.equal(code, 0, stderr);
      await eastAnswers(status);
    }
    const byName = await ask(east.ports.http, '/hello', HOST);
    assert.deepEqual(byName, { status: 200, body: 'west /hello' });
    await westGateway.until(
      'its port is open',
      async () => (await ask(east.ports.service, '/')).status === 200,
    );
    assert.equal((await ask(east.ports.service, '/again', HOST)).body, 'west /again');
  });

  /** Resolves when a request for west's service that comes in at east has this status. */
  function eastAnswers(status: number): Promise<void> {
    return westGateway.until(
      `east answers ${status}`,
      async () => (await ask(east.ports.http, '/', HOST)).status === status,
    );
  }

  async function startBackend(): Promise<number> {
    const port = await freePort();
    const server = createServer((request, response) => response.end(`west ${request.url}`));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    owner.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return port;
  }

  it('is known to all its members', async () => {
    const { code, stdout } = await east.command('list', '--dir', east.dir, '--output', 'json');
    assert.equal(code, 0);
    const { members } = JSON.parse(stdout) as { members: readonly Record<string, unknown>[] };
    assert.deepEqual(
      members.map(({ cluster, reach, services }) => ({ cluster, reach, services })),
      [
        { cluster: 'east', reach: 'local', services: 0 },
        { cluster: 'west', reach: 'synced', services: 1 },
      ],
    );
    const status = await west.command('status', '--dir', west.dir);
    assert.equal(status.code, 0, status.stderr);
    assert.match(status.stdout, /^west of mesh\.example, eu\/eu-west\n/);
    assert.match(status.stdout, /^east +synced +steady .* up for /m);
    assert.deepEqual(await check(east), { code: 0, found: [] });
    assert.deepEqual(await check(west), { code: 0, found: [] });
  });

  it('finds a gateway that is gone, from both sides', async () => {
    await westGateway.stop('SIGKILL');
    const { code, stdout } = await west.command('status', '--dir', west.dir);
    assert.equal(code, 3);
    assert.match(stdout, /no gateway answers on /);
    const own = await check(west);
    assert.equal(own.code, 3);
    assert.deepEqual(own.found, ['gateway', `advertised 127.0.0.1:${west.ports.mesh}`]);
    let found: string[] = [];
    while (!found.includes('trunk to west')) ({ found } = await check(east));
    westGateway = west.gateway();
    await eastAnswers(200);
  });

  it('ends for west when it leaves, but not by accident', async () => {
    const careful = await west.command('leave', '--dir', west.dir, '--yes');
    assert.equal(careful.code, 1);
    assert.match(careful.stderr, /no other cluster offers shop\/echo/);
    const no = atTerminal('\n', 'cluster', 'leave', '--dir', west.dir);
    assert.notEqual(no.code, 0);
    assert.match(
      no.shown,
      /west would leave mesh\.example:.*! no other cluster offers shop\/echo.*Leave\? \[y\/N\]/s,
    );
    assert.equal((await ask(east.ports.http, '/', HOST)).status, 200);
    const yes = atTerminal('y\n', 'cluster', 'leave', '--dir', west.dir);
    assert.equal(yes.code, 0, yes.shown);
    assert.match(yes.shown, /west has left mesh\.example/);
    await eastAnswers(404);
    const { stdout: listed } = await east.command('list', '--dir', east.dir);
    assert.match(listed, /^west +left /m);
  });
});

/** Runs a command at a terminal, as whoever types this. */
function atTerminal(typed: string, ...args: readonly string[]): { code: number | null; shown: string } {
  const command = [process.execPath, launcher, ...args];
  const quoted = command.map((word) => `'${word}'`).join(' ');
  // BSD's and util-linux' differ.
  const flags =
    process.platform === 'darwin'
      ? ['-q', '/dev/null', ...command]
      : ['--quiet', '--return', '--command', quoted, '/dev/null'];
  const { status, stdout } = spawnSync('script', flags, { input: typed, encoding: 'utf8' });
  return { code: status, shown: stdout };
}
