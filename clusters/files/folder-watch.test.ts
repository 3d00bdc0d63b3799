import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, ManualClock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { type FileTimes, FolderWatch, GONE_SETTLE_MS } from './folder-watch.ts';

/** On which only the test lets time pass; counts what waits for that. */
class CountingClock extends ManualClock {
  waits = 0;

  override after(delayMs: number, callback: () => void): () => void {
    this.waits++;
    return super.after(delayMs, callback);
  }
}

/** A watched folder and what it told. */
class Watched {
  readonly path: string;
  readonly held = new Map<string, string>();
  readonly times = new Map<string, FileTimes>();
  readonly told: string[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  static async open(
    t: TestContext,
    prepare: (path: string) => Promise<void>,
    clock: Clock = SYSTEM_CLOCK,
  ): Promise<Watched> {
    const watched = new Watched(tempFolder(t));
    await prepare(watched.path);
    const watch = new FolderWatch(watched.path, clock, {
      changed: (file, text, times) => {
        watched.held.set(file, text);
        watched.times.set(file, times);
        watched.told.push(`changed ${file}`);
      },
      removed: (file) => {
        watched.held.delete(file);
        watched.told.push(`removed ${file}`);
      },
      unreadable: (file, reason) => watched.told.push(`unreadable ${file}: ${reason}`),
    });
    t.after(() => watch.close());
    await watch.ready;
    return watched;
  }

  write(file: string, text: string): Promise<void> {
    return writeFile(join(this.path, file), text);
  }

  /** Waits for what must come; the test runner's own limit ends a wait for what does not. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await sleep(5);
  }
}

test('a file that is moved away and written anew, as editors save, is not removed', async (t) => {
  const clock = new CountingClock();
  const watched = await Watched.open(t, (path) => writeFile(join(path, 'a.yaml'), 'a: 0'), clock);
  for (const [index, isSeenAway] of [false, true, false, true].entries()) {
    const file = join(watched.path, 'a.yaml');
    const before = clock.waits;
    await rename(file, `${file}~`);
    if (isSeenAway) {
      await watched.until(() => clock.waits > before);
      clock.advance(GONE_SETTLE_MS - 1);
    }
    await watched.write('a.yaml', `a: ${index + 1}`);
    await rm(`${file}~`);
    await watched.until(() => watched.held.get('a.yaml') === `a: ${index + 1}`);
  }
  // A removal of another file, told after the time that one is held back: one of the first would be told by now.
  await watched.write('b.yaml', 'b: 0');
  await watched.until(() => watched.held.has('b.yaml'));
  await rm(join(watched.path, 'b.yaml'));
  await watched.until(() => {
    clock.advance(GONE_SETTLE_MS);
    return watched.told.includes('removed b.yaml');
  });
  assert.equal(watched.told.includes('removed a.yaml'), false);
});

test('a file that is removed while it is read stays removed', async (t) => {
  const watched = await Watched.open(t, (path) => writeFile(join(path, 'b.yaml'), 'b: 0'));
  const large = '# filler\n'.repeat(5_000_000);
  for (const gapMs of [4, 8, 12, 16, 20]) {
    const name = `a${gapMs}.yaml`;
    await watched.write(name, large);
    await sleep(gapMs);
    await rm(join(watched.path, name));
    await watched.write('b.yaml', `b: ${gapMs}`);
    await watched.until(() => watched.held.get('b.yaml') === `b: ${gapMs}`);
  }
  await rm(join(watched.path, 'b.yaml'));
  await watched.until(() => watched.told.includes('removed b.yaml'));
  // A slow read may still be under way: its file's removal follows it.
  await watched.until(() => watched.held.size === 0);
  await sleep(300);
  assert.deepEqual([...watched.held.keys()], []);
});

test('folders and files whose name begins with a dot are not read', async (t) => {
  const watched = await Watched.open(t, async (path) => {
    await mkdir(join(path, '..v1'));
    await writeFile(join(path, '..v1', 'a.yaml'), 'a: 1');
    await symlink('..v1', join(path, '..data'));
    await symlink('..data/a.yaml', join(path, 'a.yaml'));
    await writeFile(join(path, '.b.yaml'), 'b: 1');
  });
  assert.deepEqual([...watched.held], [['a.yaml', 'a: 1']]);
  // As a mounted ConfigMap changes: a new folder, and the link to it replaced.
  await mkdir(join(watched.path, '..v2'));
  await watched.write('..v2/a.yaml', 'a: 2');
  await symlink('..v2', join(watched.path, '..next'));
  await rename(join(watched.path, '..next'), join(watched.path, '..data'));
  await rm(join(watched.path, '..v1'), { recursive: true });
  await watched.until(() => watched.held.get('a.yaml') === 'a: 2');
  assert.deepEqual([...watched.held.keys()], ['a.yaml']);
});

test('the file’s own time is told however old it is, and taken for the change’s only when it is recent', async (t) => {
  const old = new Date('2026-01-01T00:00:00Z');
  const future = new Date(Date.now() + 3_600_000);
  const startMs = Date.now();
  const watched = await Watched.open(t, async (path) => {
    await writeFile(join(path, 'old.yaml'), 'a: 1');
    await utimes(join(path, 'old.yaml'), old, old);
    await writeFile(join(path, 'future.yaml'), 'a: 1');
    await utimes(join(path, 'future.yaml'), future, future);
  });
  assert.equal(watched.times.get('old.yaml')?.modifiedAtMs, old.getTime());
  const rest = [watched.times.get('old.yaml')?.changedAtMs, watched.times.get('future.yaml')?.modifiedAtMs];
  for (const timeMs of rest) assert.ok(timeMs !== undefined && timeMs >= startMs && timeMs <= Date.now());
});
