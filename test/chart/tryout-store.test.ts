import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { userLine } from '../../federation/store/acl.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { findTool, missingTools, skipReason } from '../fixtures/requirement.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { manifests, missingHelm, only } from './helm.ts';
import { type Container, pods } from './pods.ts';

const SCRIPT = join(import.meta.dirname, '../kube/redis-rootfs.sh');
const ADMIN = 'isthmus-admin';
/** It may be where only root's PATH leads. */
const CHROOT = findTool('chroot') ?? 'chroot';

/** The pod of the try-out store, by the chart's own files and commands, in a root file system of its own. */
class StorePod {
  readonly #root: string;
  readonly #port: number;
  readonly #commands: ReadonlyMap<string, Container>;

  constructor(root: string, port: number, containers: readonly Container[]) {
    this.#root = root;
    this.#port = port;
    this.#commands = new Map(containers.map((each) => [each.name, each]));
  }

  /** The init container to its end, then Redis; resolves with what ends it when it answers. */
  async start(): Promise<() => Promise<void>> {
    const [program = '', ...args] = this.#command('users');
    execFileSync(CHROOT, ['--userspec=65532:65532', this.#root, program, ...args], { stdio: 'pipe' });
    const redis = [...this.#command('redis'), '--tls-port', String(this.#port)];
    const child = spawn(CHROOT, ['--userspec=65532:65532', this.#root, ...redis], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    while (!this.cli('ping').includes('NOAUTH')) {
      if (child.exitCode !== null) throw new Error('redis ended');
      await sleep(50);
    }
    return async () => {
      child.kill('SIGTERM');
      await ended;
    };
  }

  /** What Redis answers, over TLS, to nobody in particular. */
  cli(...command: readonly string[]): string {
    return this.#ask([], command);
  }

  as(user: string, password: string, ...command: readonly string[]): string {
    return this.#ask(['--user', user, '--pass', password, '--no-auth-warning'], command);
  }

  #ask(flags: readonly string[], command: readonly string[]): string {
    const where = ['-h', '127.0.0.1', '-p', String(this.#port)];
    const tls = ['--tls', '--cacert', join(this.#root, 'etc/redis-secret/ca.crt')];
    const { stdout, stderr } = spawnSync('redis-cli', [...where, ...tls, ...flags, ...command], {
      encoding: 'utf8',
    });
    return `${stdout}${stderr}`.trim();
  }

  #command(name: string): readonly string[] {
    const command = this.#commands.get(name)?.command;
    if (!Array.isArray(command)) throw new Error(`the pod has no container ${name} with a command`);
    return command as readonly string[];
  }
}

const missing =
  missingHelm() ||
  missingTools('redis-server', 'redis-cli', 'chroot') ||
  (process.getuid?.() === 0 ? false : skipReason('chroot needs root'));

describe('try-out store of the chart', { skip: missing }, () => {
  const lifetime = new Lifetime();
  const owner = { after: (end: () => void | Promise<void>) => lifetime.add(end) };
  after(() => lifetime.close());
  let pod: StorePod;
  let stop: () => Promise<void>;
  let password: string;
  let root: string;

  before(async () => {
    root = join(tempFolder(owner), 'rootfs');
    execFileSync(SCRIPT, [root]);
    const found = manifests(tempFolder(owner), { cluster: { name: 'east' } });
    const secret = only(found, 'Secret', 'isthmus-redis').stringData as Record<string, string>;
    write(join(root, 'etc/redis'), only(found, 'ConfigMap', 'isthmus-redis').data as Record<string, string>);
    write(join(root, 'etc/redis-secret'), secret);
    password = secret.password ?? '';
    const spec = pods(found).get('Deployment/isthmus-redis');
    assert.ok(spec, 'there is no Deployment');
    pod = new StorePod(root, await freePort(), [...spec.initContainers, ...spec.containers]);
    stop = await pod.start();
    owner.after(() => stop());
  });

  it('lets nobody do anything without a user', () => {
    assert.match(pod.cli('get', 'key'), /NOAUTH/);
    assert.match(pod.as('default', '', 'get', 'key'), /WRONGPASS|NOAUTH|AUTH failed/);
  });

  it('lets the administrator of the Secret make users, and keeps them when its pod starts anew', async () => {
    const rules = ['on', '>secret', '~isthmus:*', '+get', '+set'];
    assert.equal(pod.as(ADMIN, password, 'acl', 'setuser', 'isthmus-west', ...rules), 'OK');
    assert.equal(pod.as(ADMIN, password, 'acl', 'save'), 'OK');
    await stop();
    stop = await pod.start();
    assert.equal(pod.as('isthmus-west', 'secret', 'set', 'isthmus:key', 'value'), 'OK');
    assert.match(pod.as('isthmus-west', 'secret', 'set', 'other', 'value'), /NOPERM/);
    assert.equal(pod.as(ADMIN, password, 'acl', 'whoami'), ADMIN);
  });

  it('makes the users that the federation service remembers, where its pod starts with an empty volume', async () => {
    const user = { username: 'isthmus-north', password: 'of-north' };
    const line = userLine({ clusterset: 'mesh.example', cluster: 'north', user });
    const taken = userLine({
      clusterset: 'mesh.example',
      cluster: 'admin',
      user: { ...user, username: ADMIN },
    });
    await stop();
    rmSync(join(root, 'data/users.acl'));
    write(join(root, 'etc/redis-users'), {
      [user.username]: line,
      [ADMIN]: `${taken}user default on nopass +@all`,
    });
    stop = await pod.start();
    const asNorth = (...command: readonly string[]): string =>
      pod.as(user.username, user.password, ...command);
    assert.equal(asNorth('set', 'isthmus:{mesh.example}:north:head', 'x'), 'OK');
    assert.match(asNorth('set', 'isthmus:{mesh.example}:west:head', 'x'), /NOPERM/);
    assert.equal(pod.as(ADMIN, password, 'acl', 'whoami'), ADMIN, 'a line there does not replace it');
    assert.match(pod.cli('ping'), /NOAUTH/);
    assert.match(pod.as('isthmus-west', 'secret', 'ping'), /WRONGPASS|AUTH failed/);
    assert.equal(pod.as(ADMIN, password, 'acl', 'deluser', user.username), '1');
    assert.equal(pod.as(ADMIN, password, 'acl', 'save'), 'OK');
    // A file that is there is the truth: who was removed from it stays so.
    await stop();
    stop = await pod.start();
    assert.match(asNorth('ping'), /WRONGPASS|AUTH failed/);
  });
});

function write(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o644 });
}
