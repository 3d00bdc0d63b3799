import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { localCluster, testRecord } from '../../test/fixtures/store-clusters.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { UserError } from '../model/user-error.ts';
import { ManualClock } from '../runtime/clock.ts';
import type { StoredRecord } from './driver.ts';
import type { HeadContent } from './head.ts';
import { type PeerCopy, parseCopy, printCopy } from './peer-copy.ts';
import { PeerDisk } from './peer-disk.ts';
import { encodeRecord } from './record.ts';

const HEAD: HeadContent = {
  cluster: 'west',
  epoch: 10,
  version: 3,
  issuedAtMs: 11,
  digest: 'ab'.repeat(32),
  locality: { region: 'eu', zone: 'eu-a' },
  gateways: [],
  bundleSequence: 1,
  schemaVersion: 1,
};
const RECORDS: readonly StoredRecord[] = ['cart', 'pay'].map((name, index) => ({
  field: `shop/${name}`,
  version: index + 1,
  text: encodeRecord(testRecord(name)),
}));
const COPY: PeerCopy = { head: HEAD, records: RECORDS };

async function open(folder: string, cluster = 'east'): Promise<PeerDisk> {
  return PeerDisk.open({ folder, local: localCluster(cluster), clock: new ManualClock() });
}

function noProblem(cluster: string, reason: string): void {
  assert.fail(`${cluster}: ${reason}`);
}

describe('what a follower keeps on disk', () => {
  it('comes back: marks and copies', async (t) => {
    const folder = tempFolder(t);
    const disk = await open(folder);
    assert.equal((await disk.readCopies(noProblem)).size, 0);
    disk.raise('west', { epoch: 10, version: 3 });
    disk.saveCopy('west', 2, () => COPY);
    await disk.close();
    const again = await open(folder);
    assert.deepEqual([...again.marks], [['west', { epoch: 10, version: 3 }]]);
    assert.deepEqual([...(await again.readCopies(noProblem))], [['west', COPY]]);
    assert.equal(statSync(join(folder, 'west.copy')).mode & 0o777, 0o600);
  });

  it('never lowers a mark', async (t) => {
    const disk = await open(tempFolder(t));
    disk.raise('west', { epoch: 10, version: 3 });
    disk.raise('west', { epoch: 10, version: 2 });
    disk.raise('west', { epoch: 9, version: 100 });
    assert.deepEqual(disk.marks.get('west'), { epoch: 10, version: 3 });
    disk.raise('west', { epoch: 11, version: 1 });
    assert.deepEqual(disk.marks.get('west'), { epoch: 11, version: 1 });
    await disk.close();
  });

  it('writes many changes at once, some time later', async (t) => {
    const folder = tempFolder(t);
    const clock = new ManualClock();
    const disk = await PeerDisk.open({ folder, local: localCluster('east'), clock });
    let reads = 0;
    const read = (): PeerCopy => {
      reads++;
      return COPY;
    };
    for (let change = 0; change < 100; change++) disk.saveCopy('west', 2, read);
    clock.advance(999);
    assert.equal(reads, 0);
    clock.advance(1);
    await disk.close();
    assert.equal(reads, 1);
  });

  it('belongs to one cluster', async (t) => {
    const folder = tempFolder(t);
    const disk = await open(folder, 'east');
    disk.raise('west', { epoch: 1, version: 1 });
    await disk.close();
    await assert.rejects(open(folder, 'north'), (failure) => {
      assert.ok(failure instanceof UserError);
      assert.match(failure.message, /marks\.json belongs to cluster east of mesh\.example, not to north/);
      return failure.hint !== undefined;
    });
  });

  it('is not taken as empty when it cannot be read', async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, 'marks.json'), '{"clusterset":');
    await assert.rejects(
      open(folder),
      (failure) => failure instanceof UserError && /marks\.json/.test(failure.message),
    );
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await assert.rejects(open(join(file, 'below')), UserError);
  });

  it('leaves out copies that are not whole, and says so', async (t) => {
    const folder = tempFolder(t);
    const disk = await open(folder);
    writeFileSync(join(folder, 'west.copy'), 'garbage');
    writeFileSync(join(folder, 'north.copy'), printCopy('other.example', COPY));
    writeFileSync(join(folder, 'notes.txt'), 'not ours');
    const problems: string[] = [];
    const copies = await disk.readCopies((cluster) => problems.push(cluster));
    assert.equal(copies.size, 0);
    assert.deepEqual(problems.sort(), ['north', 'west']);
  });

  it('says so while it cannot write, and goes on when it can', async (t) => {
    const folder = join(tempFolder(t), 'state');
    const clock = new ManualClock();
    const disk = await PeerDisk.open({ folder, local: localCluster('east'), clock });
    const path = join(folder, 'marks.json');
    mkdirSync(path);
    disk.raise('west', { epoch: 1, version: 1 });
    const failed = new Promise<void>((resolve) => disk.problem.watch(() => resolve()));
    clock.advance(1000);
    await failed;
    assert.match(disk.problem.value?.message ?? '', /marks\.json cannot be used/);
    rmdirSync(path);
    await disk.close();
    assert.equal(disk.problem.value, undefined);
    assert.match(readFileSync(path, 'utf8'), /"west"/);
  });
});

describe('a copy of a peer', () => {
  it('comes back as it was', () => {
    assert.deepEqual(parseCopy('mesh.example', printCopy('mesh.example', COPY)), COPY);
    const empty = { head: HEAD, records: [] };
    assert.deepEqual(parseCopy('mesh.example', printCopy('mesh.example', empty)), empty);
  });

  it('is refused when it was cut off, altered in form or is of another clusterset', () => {
    const text = printCopy('mesh.example', COPY);
    assert.throws(() => parseCopy('other.example', text), /clusterset mesh\.example/);
    assert.throws(() => parseCopy('mesh.example', ''));
    assert.throws(
      () => parseCopy('mesh.example', text.replace('1 shop/cart', 'x shop/cart')),
      /not a record/,
    );
    assert.throws(() => parseCopy('mesh.example', text.replace('"schemaVersion":1', '"schemaVersion":9')));
  });
});
