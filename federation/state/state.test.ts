import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import type { PeerHealth } from '../model/snapshot.ts';
import { ManualClock } from '../runtime/clock.ts';
import { Saver } from '../runtime/saver.ts';
import { SnapshotEncoder } from '../wire/snapshot-encoder.ts';
import { FolderLock } from './folder-lock.ts';
import { printMemory, readMemory, readPorts } from './memory-file.ts';
import { FilePortBook } from './port-book.ts';
import { SharedPorts } from './shared-ports.ts';
import { StateKeeper } from './state-keeper.ts';

const LOCAL = {
  name: 'east',
  clusterset: 'mesh.example',
  trustDomain: 'east.mesh.example',
  locality: { region: 'eu', zone: 'a' },
};

describe('the memory of a federation service', () => {
  it('comes back as it was', async (t) => {
    const path = join(tempFolder(t), 'federation.json');
    const failing: PeerHealth = { kind: 'failing', sinceMs: 5 };
    const memory = {
      epoch: 7,
      peers: {
        peers: [['west', failing] as const],
        gateways: [
          {
            gateway: 'gw',
            startedAtMs: 1,
            trunks: new Map([['west', { up: true, wasUp: true, sinceMs: 3 }]]),
          },
        ],
      },
      offers: [['shop/payments', 'west', { kind: 'returning', healthySinceMs: 6 }] as const],
      drains: [
        ['west', { kind: 'draining', sinceMs: 3, overMs: 60_000, fromPercent: 100 }] as const,
        ['north', { kind: 'returning', sinceMs: 4, fromPercent: 40 }] as const,
      ],
    };
    assert.equal(await readMemory(path, LOCAL), undefined);
    await writeFile(path, printMemory(LOCAL, { ...memory, offers: [['shop/payments', 'west', failing]] }));
    assert.deepEqual(await readMemory(path, LOCAL), {
      ...memory,
      offers: [['shop/payments', 'west', failing]],
    });
  });

  it("is not another cluster's, and not taken when it is damaged", async (t) => {
    const path = join(tempFolder(t), 'federation.json');
    const memory = { epoch: 1, peers: { peers: [], gateways: [] }, offers: [], drains: [] };
    await writeFile(path, printMemory({ ...LOCAL, clusterset: 'other.example' }, memory));
    await assert.rejects(readMemory(path, LOCAL), { name: 'UserError', message: /east of other\.example/ });
    await writeFile(path, '{"cluster":"east","clusterset":"mesh.example","epoch":-1}');
    await assert.rejects(readMemory(path, LOCAL), { name: 'UserError', message: /is damaged/ });
  });
});

describe('an epoch', () => {
  async function keeperOf(t: TestContext, epoch?: number): Promise<StateKeeper> {
    const folder = tempFolder(t);
    const memory = { peers: { peers: [], gateways: [] }, offers: [], drains: [] };
    if (epoch !== undefined)
      await writeFile(join(folder, 'federation.json'), printMemory(LOCAL, { ...memory, epoch }));
    return await StateKeeper.open({
      folder,
      local: LOCAL,
      clock: new ManualClock(),
      encoder: new SnapshotEncoder(),
      warn: (message) => assert.fail(message),
    });
  }
  const startMs = Date.UTC(2026, 10, 29);

  it('is another for each replica that starts in the same millisecond, and higher than that of any that started earlier', async (t) => {
    const keeper = await keeperOf(t);
    const [first, second] = [0.25, 0.5].map((chance) => keeper.nextEpoch(startMs, () => chance));
    assert.notEqual(first, second);
    const highest = keeper.nextEpoch(startMs, () => 1 - Number.EPSILON);
    assert.ok(keeper.nextEpoch(startMs + 1, () => 0) > highest);
    assert.ok(Number.isSafeInteger(keeper.nextEpoch(Date.UTC(2100, 0), () => 1 - Number.EPSILON)));
  });

  it('is higher than what was served before, also where that was a time in ms, or the clock is set back', async (t) => {
    assert.ok((await keeperOf(t, startMs + 60_000)).nextEpoch(startMs, () => 0) > startMs + 60_000);
    const before = (await keeperOf(t)).nextEpoch(startMs, () => 0.5);
    const [first = 0, second = 0] = await Promise.all(
      [0.25, 0.5].map(async (chance) =>
        (await keeperOf(t, before)).nextEpoch(startMs - 60_000, () => chance),
      ),
    );
    assert.ok(first > before && second > before && first !== second);
  });
});

describe('a saver', () => {
  function writer() {
    const state = { writes: 0, failure: undefined as Error | undefined };
    const write = async (): Promise<void> => {
      if (state.failure !== undefined) throw state.failure;
      state.writes++;
    };
    return { state, write };
  }

  it('joins changes, and writes nothing without one', async () => {
    const clock = new ManualClock();
    const { state, write } = writer();
    const saver = new Saver(clock, 100, write);
    saver.changed();
    saver.changed();
    clock.advance(100);
    assert.ok(await saver.flush());
    await saver.close();
    assert.equal(state.writes, 1);
  });

  it('shows why it cannot, and tries again until it can', async () => {
    const clock = new ManualClock();
    const { state, write } = writer();
    const saver = new Saver(clock, 100, write);
    state.failure = new Error('ENOSPC: no space left on device');
    saver.changed();
    assert.equal(await saver.flush(), false);
    assert.match(saver.problem.value ?? '', /ENOSPC/);
    state.failure = undefined;
    clock.advance(5000);
    assert.ok(await saver.flush());
    assert.deepEqual([state.writes, saver.problem.value], [1, undefined]);
  });

  it('writes what is left when it is closed', async () => {
    const { state, write } = writer();
    const saver = new Saver(new ManualClock(), 100, write);
    saver.changed();
    await saver.close();
    assert.equal(state.writes, 1);
  });
});

describe('the ports that replicas share', () => {
  async function open(t: TestContext, path: string, clock = new ManualClock()) {
    const changes: number[] = [];
    const warnings: string[] = [];
    const range = { from: 15_500, to: 15_999 };
    const ports = await SharedPorts.open({
      book: new FilePortBook(path),
      range,
      clock,
      warn: (message) => warnings.push(message),
    });
    ports.watch(() => changes.push(clock.now()));
    t.after(() => ports.close());
    return { ports, changes, warnings, clock };
  }

  const settled = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  };

  /** Whether it holds once a replica has had the time to read again. */
  const after = (clock: ManualClock, holds: () => boolean): boolean => {
    clock.advance(2000);
    return holds();
  };

  it('are given by the leader only, and read by the others', async (t) => {
    const path = join(tempFolder(t), 'ports.json');
    const leader = await open(t, path);
    const replica = await open(t, path);
    assert.equal(leader.ports.claim('shop/payments:http', 0), undefined);
    leader.ports.setLeading(true);
    await settled(() => leader.changes.length === 1);
    const port = leader.ports.claim('shop/payments:http', 0);
    assert.ok(port !== undefined);
    assert.equal(replica.ports.claim('shop/payments:http', 0), undefined);
    leader.clock.advance(20);
    await settled(() => after(replica.clock, () => replica.changes.length === 1));
    assert.equal(replica.ports.claim('shop/payments:http', 0), port);
  });

  it('of what has gone are released once in a term, by the leader, and never all of them', async (t) => {
    const path = join(tempFolder(t), 'ports.json');
    const { ports, changes } = await open(t, path);
    const granted = () => ['a', 'b', 'c'].filter((target) => ports.claim(target, 0) !== undefined);
    const leads = async (): Promise<void> => {
      const before = changes.length;
      ports.setLeading(true);
      assert.equal(ports.owesRelease, false, 'it has not read the ports yet');
      await settled(() => changes.length > before);
      assert.equal(ports.owesRelease, true);
    };
    await leads();
    assert.deepEqual(granted(), ['a', 'b', 'c']);
    ports.releaseExcept(new Set(), 1);
    assert.equal(ports.owesRelease, true, 'an empty set releases nothing');
    ports.releaseExcept(new Set(['a', 'b']), 1);
    assert.equal(ports.owesRelease, false);
    ports.releaseExcept(new Set(['a']), 2);
    ports.setLeading(false);
    ports.releaseExcept(new Set(['a']), 3);
    assert.deepEqual(granted(), ['a', 'b']);
    await leads();
    ports.releaseExcept(new Set(['a']), 4);
    ports.setLeading(false);
    assert.deepEqual(granted(), ['a']);
  });

  it('are first read by a new leader', async (t) => {
    const path = join(tempFolder(t), 'ports.json');
    const late = await open(t, path);
    await writeFile(path, '{"ports":[{"target":"shop/payments:http","port":15777}]}');
    late.ports.setLeading(true);
    await settled(() => late.changes.length === 1);
    assert.equal(late.ports.claim('shop/payments:http', 0), 15_777);
  });

  it('stay when the file is damaged later, and do not begin on a damaged one', async (t) => {
    const path = join(tempFolder(t), 'ports.json');
    await writeFile(path, '{"ports":[{"target":"shop/payments:http","port":15777}]}');
    const replica = await open(t, path);
    await writeFile(path, '{"ports":');
    await settled(() => after(replica.clock, () => replica.warnings.length > 0));
    assert.equal(replica.ports.claim('shop/payments:http', 0), 15_777);
    await assert.rejects(open(t, path), { name: 'UserError', message: /ports\.json: is damaged/ });
  });

  it('stay while they cannot be saved', async (t) => {
    const path = join(tempFolder(t), 'ports.json');
    const leader = await open(t, path);
    leader.ports.setLeading(true);
    await settled(() => leader.changes.length === 1);
    // Not even a superuser can put a file over a folder.
    await mkdir(path);
    const port = leader.ports.claim('shop/payments:http', 0);
    leader.ports.setLeading(false);
    await settled(() => leader.ports.problems.length > 0);
    assert.match(leader.ports.problems.join(), /cannot be saved/);
    assert.equal(leader.ports.claim('shop/payments:http', 0), port);
  });

  it('say when none is left', async (t) => {
    const path = join(tempFolder(t), 'ports.json');
    const clock = new ManualClock();
    const ports = await SharedPorts.open({
      book: new FilePortBook(path),
      range: { from: 15_500, to: 15_500 },
      clock,
      warn: () => {},
    });
    t.after(() => ports.close());
    let changed = false;
    ports.watch(() => {
      changed = true;
    });
    ports.setLeading(true);
    await settled(() => changed);
    ports.claim('a', 0);
    assert.equal(ports.claim('b', 0), undefined);
    assert.match(ports.problems.join(), /no service port is free in 15500 to 15500/);
    await ports.close();
    assert.equal((await readPorts(path)).length, 1);
  });
});

describe('the lock of a state folder', () => {
  it('is held by one, and free when that ends or was killed', async (t) => {
    const folder = join(tempFolder(t), 'state');
    const lock = await FolderLock.take(folder);
    await assert.rejects(FolderLock.take(folder), {
      name: 'UserError',
      message: /another federation service/,
    });
    await lock.release();
    const again = await FolderLock.take(folder);
    await again.release();
    // What a killed process leaves behind: a socket that nobody listens on.
    await writeFile(join(folder, 'lock'), '');
    const third = await FolderLock.take(folder);
    await third.release();
  });

  it('holds in a folder whose path is too long for a socket', async (t) => {
    const folder = join(tempFolder(t), 'a'.repeat(120));
    const lock = await FolderLock.take(folder);
    await assert.rejects(FolderLock.take(folder), { name: 'UserError' });
    await lock.release();
    assert.ok((await stat(folder)).isDirectory());
  });

  it('says so when the folder cannot be made', async (t) => {
    const file = join(tempFolder(t), 'file');
    await writeFile(file, '');
    await assert.rejects(FolderLock.take(join(file, 'state')), {
      name: 'UserError',
      message: /cannot be made/,
    });
    assert.equal(await readFile(file, 'utf8'), '');
  });
});
