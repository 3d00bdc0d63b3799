import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { PausableDriver } from '../../test/fixtures/pausable-driver.ts';
import { eventually, localCluster, testRecord } from '../../test/fixtures/store-clusters.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import type { Standing } from '../model/standing.ts';
import { UserError } from '../model/user-error.ts';
import { type Clock, SYSTEM_CLOCK } from '../runtime/clock.ts';
import { Watchable } from '../runtime/watchable.ts';
import type { StoreDriver } from './driver.ts';
import { type HeadSigner, type HeadVerifier, parseHead } from './head.ts';
import { MAX_AHEAD_MS, StoreLimitError } from './limits.ts';
import { MemoryDriver } from './memory/memory-driver.ts';
import { MemoryStore } from './memory/memory-store.ts';
import { PUBLISHER_DEFAULTS, type PublisherOptions, StorePublisher } from './publisher.ts';

const PLAIN: HeadSigner & HeadVerifier = { sign: (payload) => payload, verify: (signed) => signed };

function publisher(
  t: TestContext,
  store: MemoryStore,
  options: Partial<PublisherOptions> = {},
): StorePublisher {
  const made = new StorePublisher({
    ...PUBLISHER_DEFAULTS,
    driver: new MemoryDriver(store),
    local: localCluster('west'),
    gateways: new Watchable([]),
    bundleSequence: new Watchable(1),
    signer: new Watchable(PLAIN),
    verifier: PLAIN,
    clock: SYSTEM_CLOCK,
    heartbeatMs: 100,
    standbyTryMs: 50,
    report: () => undefined,
    ...options,
  });
  t.after(() => made.close());
  return made;
}

/** Two replicas, of whom somebody else says which leads; the first by a driver of its own. */
function elected(t: TestContext, store: MemoryStore, [one, other]: readonly [Standing, Standing]) {
  const driver = new MemoryDriver(store);
  const [first, second] = [new Watchable(one), new Watchable(other)];
  const replicas = [
    publisher(t, store, { election: { kind: 'external', standing: first }, driver }),
    publisher(t, store, { election: { kind: 'external', standing: second } }),
  ];
  for (const replica of replicas) replica.replace(CART);
  return { driver, first, second, states: () => replicas.map(({ state }) => state.value.kind).join() };
}

function headOf(store: MemoryStore) {
  const { head } = store.readHead('west');
  assert.ok(head);
  return parseHead(head);
}

const CART = new Map([['shop/cart', testRecord('cart')]]);

describe('a publisher', () => {
  it('writes its set over one that is too large to be read', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const driver = new MemoryDriver(store);
    driver.readAll = () => Promise.reject(new StoreLimitError('too large'));
    const west = publisher(t, store, { driver });
    west.replace(CART);
    await eventually('it leads', () => west.state.value.kind === 'leading');
    assert.deepEqual([...store.readAll('west').records.map(({ field }) => field)], ['shop/cart']);
  });

  it('tells what it does not publish, as long as that is so', (t) => {
    const west = publisher(t, new MemoryStore(SYSTEM_CLOCK));
    const ports = [{ name: 'web-', port: 80, protocol: 'http', appProtocol: undefined }] as const;
    west.set('shop/cart', { ...testRecord('cart'), ports });
    assert.match(west.omissions.join(), /^shop\/cart is not published as it is: .*ports\.0\.name/);
    west.set('shop/cart', testRecord('cart'));
    assert.deepEqual(west.omissions, []);
  });

  it('waits for its identity', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const signer = new Watchable<HeadSigner | undefined>(undefined);
    const west = publisher(t, store, { signer });
    west.replace(CART);
    await eventually('it waits', () => west.state.value.kind === 'awaiting-identity');
    assert.equal(store.readHead('west').head, undefined);
    signer.set(PLAIN);
    await eventually('it leads', () => west.state.value.kind === 'leading');
  });

  it('leads only while somebody else has elected it', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const { first, second, states } = elected(t, store, ['not-elected', 'elected']);
    await eventually('the second leads', () => states() === 'standby,leading');
    second.set('not-elected');
    first.set('elected');
    await eventually('the first leads', () => states() === 'leading,standby');
  });

  it('drops an order to leave that the store did not take before another may write', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const pausable = new PausableDriver(new MemoryDriver(store));
    const standing = new Watchable<Standing>('elected');
    const told: string[] = [];
    const west = publisher(t, store, {
      driver: pausable.driver,
      election: { kind: 'external', standing },
      report: ({ message }) => told.push(message),
    });
    west.replace(CART);
    await eventually('it leads', () => west.state.value.kind === 'leading');
    pausable.pause();
    const left = west.leave();
    west.set('shop/late', testRecord('late'));
    standing.set('not-elected');
    assert.equal(await left, false);
    assert.match(told.join(), /the order to leave is dropped/);
    const other = publisher(t, store, {
      election: { kind: 'external', standing: new Watchable<Standing>('elected') },
    });
    other.replace(CART);
    await eventually('the other leads', () => other.state.value.kind === 'leading');
    await other.close();
    pausable.resume();
    standing.set('elected');
    await eventually('it leads again', () => west.state.value.kind === 'leading');
    await eventually('what came meanwhile is told', () => store.readAll('west').records.length === 2);
    assert.equal(headOf(store).left, undefined);
    assert.equal(await west.leave(), true);
    assert.equal(headOf(store).left, true);
    assert.equal(await west.leave(), true);
  });

  for (const heard of [true, false]) {
    it(`has not left any more once another replica published after it, which it ${heard ? 'heard' : 'did not hear'} of`, async (t) => {
      const store = new MemoryStore(SYSTEM_CLOCK);
      const standing = new Watchable<Standing>('elected');
      const told: string[] = [];
      const report: PublisherOptions['report'] = ({ message }) => told.push(message);
      const west = publisher(t, store, { election: { kind: 'external', standing }, report });
      west.replace(CART);
      await eventually('it leads', () => west.state.value.kind === 'leading');
      assert.equal(await west.leave(), true);
      west.set('shop/late', testRecord('late'));
      standing.set(heard ? 'not-elected' : 'unheard');
      const other = publisher(t, store, {
        election: { kind: 'external', standing: new Watchable<Standing>('elected') },
      });
      other.replace(CART);
      await eventually('the other leads', () => other.state.value.kind === 'leading');
      await eventually('it stands by', () => west.state.value.kind === 'standby');
      assert.equal(headOf(store).left, undefined);
      assert.match(told.join(), /had left, but another replica may write now/);
      await other.close();
      standing.set('elected');
      await eventually('it leads again', () => west.state.value.kind === 'leading');
      await eventually('it publishes all', () => store.readAll('west').records.length === 2);
      assert.equal(headOf(store).left, undefined);
    });
  }

  it('has left for as long as no other replica wrote, whatever is set', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const standing = new Watchable<Standing>('elected');
    const west = publisher(t, store, { election: { kind: 'external', standing } });
    west.replace(CART);
    await eventually('it leads', () => west.state.value.kind === 'leading');
    assert.equal(await west.leave(), true);
    standing.set('unheard');
    west.replace(CART);
    const { issuedAtMs } = headOf(store);
    await eventually('there are new heads', () => headOf(store).issuedAtMs > issuedAtMs + 200);
    standing.set('elected');
    west.set('shop/late', testRecord('late'));
    const { issuedAtMs: thenMs } = headOf(store);
    await eventually('there are more', () => headOf(store).issuedAtMs > thenMs + 200);
    assert.deepEqual([headOf(store).left, store.readAll('west').records], [true, []]);
  });

  it('goes on while its election cannot be heard, until another writes', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const { first, second, states } = elected(t, store, ['elected', 'not-elected']);
    await eventually('the first leads', () => states() === 'leading,standby');
    const { epoch, issuedAtMs } = headOf(store);
    first.set('unheard');
    second.set('unheard');
    await eventually('there are new heads', () => headOf(store).issuedAtMs > issuedAtMs + 200);
    assert.deepEqual([states(), headOf(store).epoch], ['leading,standby', epoch]);
    // A store that was wiped meanwhile gets everything again.
    store.restore({ members: [], documents: [], shelves: [] });
    await eventually('it is written', () => store.readAll('west').records.length === 1);
    assert.equal(states(), 'leading,standby');
    // Only the first cannot hear that its time is over.
    second.set('elected');
    await eventually('the store lets in one', () => states() === 'standby,leading');
    first.set('not-elected');
    first.set('unheard');
    second.set('unheard');
    const { issuedAtMs: thenMs } = headOf(store);
    await eventually('the second goes on', () => headOf(store).issuedAtMs > thenMs + 200);
    assert.equal(states(), 'standby,leading');
  });

  it('makes no use of an older mandate that it had no time for, once its election cannot be heard', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const { driver, first, second, states } = elected(t, store, ['not-elected', 'not-elected']);
    driver.setReachable(false);
    first.set('elected');
    await eventually('it has no store', () => states() === 'disconnected,standby');
    first.set('unheard');
    second.set('elected');
    await eventually('the second leads', () => states() === 'disconnected,leading');
    const { epoch } = headOf(store);
    driver.setReachable(true);
    await eventually('the first stands by', () => states() === 'standby,leading');
    assert.equal(headOf(store).epoch, epoch);
  });

  it('says at once when its gateways change', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const gateways = new Watchable<readonly { host: string; port: number }[]>([]);
    const west = publisher(t, store, { gateways, heartbeatMs: 3_600_000 });
    west.replace(CART);
    await eventually('it leads', () => west.state.value.kind === 'leading');
    gateways.set([{ host: '127.0.0.1', port: 1 }]);
    await eventually('the head has them', () => headOf(store).gateways.length === 1);
  });

  it('keeps changes while the store is away, and tells why', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const driver = new MemoryDriver(store);
    const west = publisher(t, store, { driver });
    west.replace(CART);
    await eventually('it leads', () => west.state.value.kind === 'leading');
    driver.setReachable(false);
    west.set('shop/pay', testRecord('pay'));
    await eventually('it knows', () => west.state.value.kind === 'disconnected');
    assert.equal(west.pendingCount, 1);
    driver.setReachable(true);
    await eventually('it is published', () => store.readAll('west').records.length === 2);
  });

  it('finds out whether a write whose answer was lost was done', async (t) => {
    for (const done of [true, false]) {
      const store = new MemoryStore(SYSTEM_CLOCK);
      const driver = new MemoryDriver(store);
      let lose = false;
      const commit: StoreDriver['commit'] = async (request) => {
        const loseThis = lose;
        lose = false;
        if (!loseThis) return store.commit(request);
        if (done) store.commit(request);
        throw new UserError('the answer was lost');
      };
      const west = publisher(t, store, { driver: overriding(driver, { commit }) });
      west.replace(CART);
      await eventually('it leads', () => west.state.value.kind === 'leading');
      const { epoch, version } = headOf(store);
      lose = true;
      west.set('shop/pay', testRecord('pay'));
      await eventually(
        'it is published',
        () => store.readAll('west').records.length === 2 && west.pendingCount === 0,
      );
      const stored = store.readAll('west').records.find(({ field }) => field === 'shop/pay');
      assert.equal(stored?.version, version + 1, 'written once');
      assert.equal(headOf(store).epoch, epoch);
    }
  });

  it('shows a problem while the store refuses, and goes on when it does not', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    let refuses = true;
    const acquire: StoreDriver['acquire'] = async (request) => {
      if (refuses) throw new UserError('the store is read-only');
      return store.acquire(request);
    };
    const reports: string[] = [];
    const west = publisher(t, store, {
      driver: overriding(new MemoryDriver(store), { acquire }),
      report: ({ message }) => reports.push(message),
    });
    west.replace(CART);
    await eventually('the problem shows', () => west.problem.value?.message === 'the store is read-only');
    refuses = false;
    await eventually('it leads', () => west.state.value.kind === 'leading');
    assert.equal(west.problem.value, undefined);
    assert.equal(reports.filter((message) => message === 'the store is read-only').length, 1, 'told once');
  });

  it('takes its lease again after a crash without waiting, by what its folder remembers', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const folder = tempFolder(t);
    const election = { kind: 'store', leaseTtlMs: 3_600_000 } as const;
    // Crashed: it never gives the lease back.
    const release: StoreDriver['release'] = async () => undefined;
    const crashed = publisher(t, store, {
      folder,
      election,
      driver: overriding(new MemoryDriver(store), { release }),
    });
    crashed.replace(CART);
    await eventually('it leads', () => crashed.state.value.kind === 'leading');
    await crashed.close();
    const stranger = publisher(t, store, { election });
    stranger.replace(CART);
    await eventually('another process waits', () => stranger.state.value.kind === 'standby');
    const again = publisher(t, store, { folder, election });
    again.replace(CART);
    await eventually('the same one leads', () => again.state.value.kind === 'leading');
  });

  it('never lowers its epoch, though clock and store were set back', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const folder = tempFolder(t);
    const first = publisher(t, store, { folder });
    first.replace(CART);
    await eventually('it leads', () => first.state.value.kind === 'leading');
    const { epoch } = headOf(store);
    await first.close();
    const slow: Clock = { ...SYSTEM_CLOCK, now: () => Date.now() - 60_000 };
    const wiped = new MemoryStore(SYSTEM_CLOCK);
    const second = publisher(t, wiped, { folder, clock: slow });
    second.replace(CART);
    await eventually('it leads again', () => second.state.value.kind === 'leading');
    assert.equal(headOf(wiped).epoch, epoch + 1);
  });

  it('recovers from a clock that was far ahead', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const folder = tempFolder(t);
    const ahead: Clock = { ...SYSTEM_CLOCK, now: () => Date.now() + 10 * MAX_AHEAD_MS };
    const first = publisher(t, store, { folder, clock: ahead });
    first.replace(CART);
    await eventually('it leads', () => first.state.value.kind === 'leading');
    await first.close();
    const second = publisher(t, store, { folder });
    second.replace(CART);
    await eventually('it leads again', () => second.state.value.kind === 'leading');
    assert.ok(headOf(store).epoch < Date.now() + MAX_AHEAD_MS);
  });

  it('begins anew with a memory that is not readable', async (t) => {
    const store = new MemoryStore(SYSTEM_CLOCK);
    const folder = tempFolder(t);
    writeFileSync(join(folder, 'publisher.json'), '{');
    const reports: string[] = [];
    const west = publisher(t, store, { folder, report: ({ message }) => reports.push(message) });
    west.replace(CART);
    await eventually('it leads', () => west.state.value.kind === 'leading');
    assert.ok(reports.some((message) => message.includes('publisher.json')));
    assert.match(readFileSync(join(folder, 'publisher.json'), 'utf8'), /"epoch":/);
  });
});

function overriding(driver: StoreDriver, methods: Partial<StoreDriver>): StoreDriver {
  return new Proxy(driver, {
    get: (target, property) => {
      const value: unknown = Reflect.get(methods, property) ?? Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
