import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { type CommandResult, isthmus } from '../fixtures/isthmus-process.ts';
import { RunningCluster } from '../fixtures/running-cluster.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { missingTinyDisk, TinyDisk } from '../fixtures/tiny-disk.ts';

type Program = 'gateway' | 'federation';

const STACK = /^ {4}at /m;

/** A copy of a cluster's folder that a test may spoil. */
class Folder {
  readonly dir: string;
  readonly #t: TestContext;

  constructor(t: TestContext, original: string) {
    this.#t = t;
    this.dir = join(tempFolder(t), 'east');
    cpSync(original, this.dir, { recursive: true });
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  replace(name: string, from: string | RegExp, to: string): void {
    const text = readFileSync(this.path(name), 'utf8');
    const changed = text.replace(from, to);
    assert.notEqual(changed, text, `${name} does not hold ${from}`);
    writeFileSync(this.path(name), changed);
  }

  lineOf(name: string, text: string): number {
    return (
      readFileSync(this.path(name), 'utf8')
        .split('\n')
        .findIndex((line) => line.includes(text)) + 1
    );
  }

  /** Runs a program that must refuse to start; gives what it says. */
  async refusal(program: Program): Promise<string> {
    const config = this.path(`${program}.yaml`);
    return refusalOf(await isthmus(this.#t, [program, 'run', '--config', config]), 1);
  }
}

/** A clear error: what and where, what to do, no stack trace, and nothing but that and log lines. */
function refusalOf({ code, stderr }: CommandResult, expected: number): string {
  assert.equal(code, expected, stderr);
  assert.ok(!STACK.test(stderr), stderr);
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{"level":"info"'));
  assert.match(said[0] ?? '', /^error: /, stderr);
  assert.match(said.at(-1) ?? '', /^hint: /, stderr);
  return said.join('\n').slice('error: '.length);
}

async function occupy(t: TestContext, port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => server.close());
}

describe('programs refuse to start with', { timeout: 240_000 }, () => {
  const lifetime = new Lifetime();
  const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
  after(() => lifetime.close());
  let east: RunningCluster;
  let west: RunningCluster;

  before(async () => {
    const root = tempFolder(owner);
    east = await RunningCluster.plan(owner, root, 'east');
    west = await RunningCluster.plan(owner, root, 'west');
    // Nothing listens there: no program needs the store in order to start.
    await Promise.all([east.init('memory://127.0.0.1:1'), west.init('memory://127.0.0.1:1')]);
  });

  const spoiled: readonly (readonly [string, Program, string | RegExp, string, string])[] = [
    ['broken YAML', 'gateway', /^admin:/m, 'admin: {', ''],
    [
      'a port out of range',
      'gateway',
      /port: \d+/,
      'port: 70000',
      'listeners.http.port: must be at most 65535',
    ],
    [
      'an unknown key',
      'gateway',
      'accessLog:',
      'acessLog:',
      'acessLog: unknown key\nhint: did you mean accessLog?',
    ],
    ['a share that is none', 'gateway', 'sample: 1', 'sample: 7', 'accessLog.sample: must be at most 1'],
    ['broken YAML', 'federation', /^admin:/m, 'admin: {', ''],
    ['a port out of range', 'federation', /port: \d+/, 'port: 70000', 'listen.port: must be at most 65535'],
    [
      'an unknown kind of store',
      'federation',
      'kind: memory',
      'kind: etcd',
      'store.kind: must be one of memory, redis',
    ],
    [
      'a password in the address of Redis',
      'federation',
      /kind: memory\n {2}address: .*/,
      "kind: redis\n  urls: ['redis://:hunter2@a']",
      'store.urls.0: must be redis:// or rediss://, without user or password',
    ],
  ];
  for (const [what, program, from, to, message] of spoiled) {
    it(`${what}: ${program}`, async (t) => {
      const folder = new Folder(t, east.dir);
      const file = `${program}.yaml`;
      folder.replace(file, from, to);
      const said = await folder.refusal(program);
      const [changed = ''] = to.split('\n').slice(-1);
      const line = message === '' ? '\\d+' : String(folder.lineOf(file, changed));
      assert.match(said, new RegExp(`^${folder.path(file)}:${line}: `));
      assert.ok(said.includes(message), said);
      assert.ok(!said.includes('hunter2'));
    });
  }

  const taken: readonly (readonly [Program, keyof RunningCluster['ports']])[] = [
    ['gateway', 'http'],
    ['gateway', 'mesh'],
    ['gateway', 'gatewayAdmin'],
    ['federation', 'federation'],
    ['federation', 'issuer'],
    ['federation', 'federationAdmin'],
  ];
  for (const [program, name] of taken) {
    it(`an occupied port: ${program}, ${name}`, async (t) => {
      const port = east.ports[name];
      await occupy(t, port);
      const said = await new Folder(t, east.dir).refusal(program);
      assert.match(said, new RegExp(`127\\.0\\.0\\.1:${port}`));
      assert.match(said, /EADDRINUSE|in use/);
      assert.match(said, /\nhint: .*(stop|another)/);
    });
  }

  it('an occupied port: the memory store', async (t) => {
    const { http } = east.ports;
    await occupy(t, http);
    const store = await isthmus(t, ['federation', 'store', '--listen', `127.0.0.1:${http}`]);
    assert.match(store.stderr, new RegExp(`^error: .*127\\.0\\.0\\.1:${http}\nhint: `, 'm'));
    assert.equal(store.code, 1);
    assert.ok(!STACK.test(store.stderr));
  });

  it('a state folder of another cluster', async (t) => {
    const programs = await west.start();
    await Promise.all([programs.federation.stop(), programs.gateway.stop()]);
    const folder = new Folder(t, east.dir);
    rmSync(folder.path('state'), { recursive: true, force: true });
    cpSync(join(west.dir, 'state'), folder.path('state'), { recursive: true });
    for (const program of ['gateway', 'federation'] as const) {
      const said = await folder.refusal(program);
      assert.ok(said.startsWith(folder.path(`state/${program}`)), said);
      assert.match(said, /west/);
      assert.match(said, /\nhint: .*another stateFolder|\nhint: .*state folder/);
    }
  });

  it('the trust folder of another cluster', async (t) => {
    const folder = new Folder(t, east.dir);
    rmSync(folder.path('trust'), { recursive: true });
    cpSync(join(west.dir, 'trust'), folder.path('trust'), { recursive: true });
    const said = await folder.refusal('federation');
    assert.match(
      said,
      /trust: is the trust folder of west\.mesh\.example, not of east\.mesh\.example\nhint: /,
    );
  });

  for (const program of ['gateway', 'federation'] as const) {
    it(`a missing secret: ${program}`, async (t) => {
      const folder = new Folder(t, east.dir);
      rmSync(folder.path('secrets/gateway-secret'));
      const said = await folder.refusal(program);
      assert.ok(said.startsWith(`cannot read ${folder.path('secrets/gateway-secret')} (ENOENT)`), said);
    });

    it(`a file that is not there: ${program}`, async (t) => {
      const config = join(tempFolder(t), 'none.yaml');
      const said = refusalOf(await isthmus(t, [program, 'run', '--config', config]), 1);
      assert.equal(said, `cannot read ${config} (ENOENT)\nhint: check the path: there is no such file`);
    });
  }

  it('a full disk that holds no state yet: gateway', { skip: missingTinyDisk() }, async (t) => {
    const disk = TinyDisk.make(t);
    disk.fill();
    const folder = new Folder(t, east.dir);
    folder.replace('gateway.yaml', 'stateFolder: state/gateway', `stateFolder: ${disk.path}/gateway`);
    const said = await folder.refusal('gateway');
    assert.match(said, new RegExp(`^cannot use the state folder: ${disk.path}/gateway \\(ENOSPC\\)\nhint: `));
  });
});
