import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { snapshotToBytes } from '../../federation/wire/snapshot-message.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { SnapshotSaver } from './snapshot-saver.ts';
import { StateFolder } from './state-folder.ts';

const snapshot = testSnapshot({ cluster: 'east', peers: {}, bundles: new Map(), services: [] });
const { local } = snapshot;
const RELEASE = '1.2.3';

describe('a gateway’s state folder', () => {
  it('keeps the pod’s name and the snapshot, readable by nobody else', async (t) => {
    const path = join(tempFolder(t), 'state');
    const folder = await StateFolder.open(path, local, () => 'pod-1', RELEASE);
    assert.deepEqual(await folder.loadSnapshot(local), { kind: 'none' });
    await folder.storeSnapshot(snapshotToBytes(snapshot));
    const again = await StateFolder.open(path, local, () => 'pod-2', RELEASE);
    assert.equal(again.gateway, 'pod-1');
    const stored = await again.loadSnapshot(local);
    assert.ok(stored.kind === 'stored');
    assert.deepEqual(stored.snapshot, snapshot);
    for (const name of readdirSync(path)) assert.equal(statSync(join(path, name)).mode & 0o77, 0, name);
  });

  it('refuses another cluster’s, and one whose owner cannot be read', async (t) => {
    const path = join(tempFolder(t), 'state');
    await StateFolder.open(path, local, () => 'pod-1', RELEASE);
    const west = { ...local, name: 'west', trustDomain: 'west.mesh.example' };
    await assert.rejects(
      StateFolder.open(path, west, () => 'x', RELEASE),
      /belongs to east\.mesh\.example, not west\.mesh\.example/,
    );
    writeFileSync(join(path, 'owner.json'), '{');
    await assert.rejects(
      StateFolder.open(path, local, () => 'x', RELEASE),
      /owner\.json does not say whose/,
    );
  });

  it('knows whether another release stored the snapshot, until this one has', async (t) => {
    const path = join(tempFolder(t), 'state');
    const open = (release: string) => StateFolder.open(path, local, () => 'pod-1', release);
    const older = await open(RELEASE);
    assert.equal(older.isOfThisRelease, true);
    await older.storeSnapshot(snapshotToBytes(snapshot));
    const newer = await open('1.3.0');
    assert.equal(newer.isOfThisRelease, false);
    await newer.storeSnapshot(snapshotToBytes(snapshot));
    assert.equal((await open('1.3.0')).isOfThisRelease, true);
    assert.equal((await open(RELEASE)).isOfThisRelease, false);
  });

  it('says why it cannot be used', async (t) => {
    const path = join(tempFolder(t), 'file');
    writeFileSync(path, '');
    await assert.rejects(
      StateFolder.open(path, local, () => 'x', RELEASE),
      /cannot use the state folder: .*owner\.json \(ENOTDIR\)/,
    );
  });

  it('passes over a snapshot that is damaged', async (t) => {
    const path = tempFolder(t);
    const folder = await StateFolder.open(path, local, () => 'pod-1', RELEASE);
    writeFileSync(join(path, 'snapshot.bin'), 'not a snapshot');
    assert.equal((await folder.loadSnapshot(local)).kind, 'unusable');
  });
});

describe('the saving of snapshots', () => {
  function saver(store: (version: number) => Promise<void>) {
    const clock = new ManualClock();
    const results: (string | undefined)[] = [];
    const saves = new SnapshotSaver({
      clock,
      store: ({ version }) => store(version),
      onResult: (failure) => results.push(failure?.message),
    });
    return { clock, results, saves, save: (version: number) => saves.save({ ...snapshot, version }) };
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('writes the first at once, of many later ones the last, and the newest at the end', async () => {
    const stored: number[] = [];
    const { clock, saves, save } = saver(async (version) => void stored.push(version));
    save(1);
    await settled();
    for (let version = 2; version < 100; version++) save(version);
    await settled();
    assert.deepEqual(stored, [1]);
    clock.advance(15_000);
    await settled();
    assert.deepEqual(stored, [1, 99]);
    save(100);
    await saves.close();
    assert.deepEqual(stored, [1, 99, 100]);
    save(101);
    clock.advance(60_000);
    await settled();
    assert.deepEqual(stored, [1, 99, 100]);
  });

  it('survives a full disk, tries again, and tells of both', async () => {
    let full = true;
    const stored: number[] = [];
    const { clock, results, saves, save } = saver(async (version) => {
      if (full) throw new Error('ENOSPC: no space left on device');
      stored.push(version);
    });
    save(1);
    await settled();
    clock.advance(15_000);
    await settled();
    assert.deepEqual(results, Array(2).fill('ENOSPC: no space left on device'));
    full = false;
    clock.advance(15_000);
    await settled();
    assert.deepEqual(stored, [1]);
    assert.equal(results.at(-1), undefined);
    await saves.close();
    assert.deepEqual(stored, [1]);
  });
});
