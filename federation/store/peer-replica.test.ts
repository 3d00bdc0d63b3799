import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import { digestOf } from './digest.ts';
import type { StoredRecord } from './driver.ts';
import { encodeHead, type HeadContent, type HeadVerifier } from './head.ts';
import { MAX_AHEAD_MS } from './limits.ts';
import { PeerReplica } from './peer-replica.ts';
import { encodeRecord } from './record.ts';

const NOW_MS = 1_800_000_000_000;
const EPOCH = NOW_MS - 10_000;

/** Signatures have their own tests: here whatever is marked as forged is refused, the rest is its own payload. */
const VERIFIER: HeadVerifier = {
  verify: (signed) => {
    if (signed[0] === 0) throw new Error('forged');
    return signed;
  },
};
const FORGED = new Uint8Array([0]);

function stored(name: string, version: number, healthy = 3): StoredRecord {
  return { field: `shop/${name}`, version, text: encodeRecord(testRecord(name, healthy)) };
}

function head(
  version: number,
  records: readonly StoredRecord[],
  change: Partial<HeadContent> = {},
): Uint8Array {
  return encodeHead({
    cluster: 'west',
    epoch: EPOCH,
    version,
    issuedAtMs: NOW_MS - 1000 + version,
    digest: digestOf(records),
    locality: { region: 'eu', zone: 'eu-a' },
    gateways: [],
    bundleSequence: 1,
    schemaVersion: 1,
    ...change,
  });
}

function loaded(...records: readonly StoredRecord[]): PeerReplica {
  const replica = new PeerReplica('west', VERIFIER);
  const version = Math.max(0, ...records.map((record) => record.version));
  const outcome = replica.load({ head: head(version, records), position: '1', records }, NOW_MS);
  assert.equal(outcome.kind, 'accepted');
  return replica;
}

const shown = (replica: PeerReplica): string => [...replica.records.keys()].sort().join(' ');

describe('a replica', () => {
  it('says of a word that somebody else signed that it is not trusted, and of a malformed one not', () => {
    const cart = stored('cart', 1);
    const replica = loaded(cart);
    const untrusted = (signed: Uint8Array): boolean | undefined => {
      const outcome = replica.take(signed, 'log', NOW_MS);
      return outcome.kind === 'refused' ? outcome.untrusted : undefined;
    };
    assert.equal(untrusted(FORGED), true);
    assert.equal(untrusted(new TextEncoder().encode('{}')), false);
    assert.equal(untrusted(head(1, [cart], { cluster: 'north' })), false);
  });

  it('publishes changes when a head covers them, not before', () => {
    const [cart, pay] = [stored('cart', 1), stored('pay', 2)];
    const replica = loaded(cart);
    replica.change(pay);
    assert.equal(shown(replica), 'shop/cart');
    assert.deepEqual(replica.take(head(2, [cart, pay]), 'log', NOW_MS), {
      kind: 'accepted',
      changed: ['shop/pay'],
    });
    replica.change({ field: 'shop/cart', version: 3, text: undefined });
    assert.equal(shown(replica), 'shop/cart shop/pay');
    assert.equal(replica.take(head(3, [pay]), 'log', NOW_MS).kind, 'accepted');
    assert.equal(shown(replica), 'shop/pay');
  });

  it('takes a heartbeat, and its replay for nothing new', () => {
    const cart = stored('cart', 1);
    const replica = loaded(cart);
    const heartbeat = head(1, [cart], { issuedAtMs: NOW_MS + 5 });
    assert.deepEqual(replica.take(heartbeat, 'log', NOW_MS), { kind: 'accepted', changed: [] });
    assert.deepEqual(replica.take(heartbeat, 'log', NOW_MS), { kind: 'known' });
    assert.deepEqual(replica.take(head(1, [cart]), 'store', NOW_MS), { kind: 'known' });
    assert.equal(replica.head?.issuedAtMs, NOW_MS + 5);
  });

  it('is not turned back by a whole set under an earlier head of the same version', () => {
    const cart = stored('cart', 1);
    const replica = loaded(cart);
    const moved = head(1, [cart], { issuedAtMs: NOW_MS + 5, left: true, gateways: [{ host: 'b', port: 1 }] });
    const set = { position: '1', records: [cart] };
    assert.equal(replica.load({ ...set, head: moved }, NOW_MS).kind, 'accepted');
    assert.equal(replica.load({ ...set, head: head(1, [cart]) }, NOW_MS).kind, 'refused');
    assert.deepEqual(replica.load({ ...set, head: moved }, NOW_MS), { kind: 'known' });
    assert.equal(replica.head?.left, true);
    assert.equal(replica.head?.issuedAtMs, NOW_MS + 5);
  });

  it('asks for the whole set when a change is missing, and shows nothing of the rest', () => {
    const [cart, pay, stock] = [stored('cart', 1), stored('pay', 2), stored('stock', 3)];
    const replica = loaded(cart);
    replica.change(stock);
    assert.equal(replica.take(head(3, [cart, pay, stock]), 'log', NOW_MS).kind, 'incomplete');
    assert.equal(shown(replica), 'shop/cart');
    const set = { head: head(3, [cart, pay, stock]), position: '9', records: [cart, pay, stock] };
    const outcome = replica.load(set, NOW_MS);
    assert.deepEqual(outcome, { kind: 'accepted', changed: ['shop/pay', 'shop/stock'] });
    replica.change(pay);
    replica.change(stored('cart', 4, 1));
    assert.equal(replica.take(head(4, [stored('cart', 4, 1), pay, stock]), 'log', NOW_MS).kind, 'accepted');
  });

  it('keeps what it has through a rewrite that changes nothing', () => {
    const cart = stored('cart', 1);
    const replica = loaded(cart);
    replica.lose();
    assert.deepEqual(replica.take(head(2, [cart]), 'log', NOW_MS), { kind: 'accepted', changed: [] });
  });

  it('goes on under a new epoch whose versions begin anew', () => {
    const [cart, pay] = [stored('cart', 500), stored('pay', 2)];
    const replica = loaded(cart);
    const anew = { ...cart, version: 1 };
    replica.lose();
    replica.change(pay);
    const next = head(2, [anew, pay], { epoch: EPOCH + 1 });
    assert.equal(replica.take(next, 'log', NOW_MS).kind, 'incomplete');
    assert.equal(replica.load({ head: next, position: '9', records: [anew, pay] }, NOW_MS).kind, 'accepted');
    assert.deepEqual(replica.mark, { epoch: EPOCH + 1, version: 2 });
  });

  it('refuses an older head from the store, and skips it in the log', () => {
    const [cart, pay] = [stored('cart', 1), stored('pay', 2)];
    const replica = loaded(cart, pay);
    const older = head(1, [cart], { issuedAtMs: NOW_MS });
    assert.deepEqual(replica.take(older, 'log', NOW_MS), { kind: 'known' });
    assert.equal(replica.take(older, 'store', NOW_MS).kind, 'refused');
    assert.equal(replica.load({ head: older, position: '1', records: [cart] }, NOW_MS).kind, 'refused');
    const earlierEpoch = head(900, [cart], { epoch: EPOCH - 1 });
    assert.equal(
      replica.load({ head: earlierEpoch, position: '1', records: [cart] }, NOW_MS).kind,
      'refused',
    );
    assert.equal(shown(replica), 'shop/cart shop/pay');
  });

  it('refuses what is below the mark that an earlier process left', () => {
    const replica = new PeerReplica('west', VERIFIER, { epoch: EPOCH, version: 5 });
    const cart = stored('cart', 4);
    assert.equal(
      replica.load({ head: head(4, [cart]), position: '1', records: [cart] }, NOW_MS).kind,
      'refused',
    );
    assert.equal(
      replica.load({ head: head(5, [cart]), position: '1', records: [cart] }, NOW_MS).kind,
      'accepted',
    );
  });

  it('refuses epochs and issue times far in the future', () => {
    const cart = stored('cart', 1);
    for (const change of [{ epoch: NOW_MS + MAX_AHEAD_MS + 1 }, { issuedAtMs: NOW_MS + MAX_AHEAD_MS + 1 }]) {
      const replica = loaded(cart);
      const outcome = replica.take(head(2, [cart], change), 'log', NOW_MS);
      assert.match(outcome.kind === 'refused' ? outcome.reason : '', /in the future/);
      assert.equal(replica.take(head(2, [cart]), 'log', NOW_MS).kind, 'accepted');
    }
  });

  it('refuses forged, foreign and unreadable heads', () => {
    const cart = stored('cart', 1);
    const bad = [
      FORGED,
      head(2, [cart], { cluster: 'east' }),
      head(2, [cart], { schemaVersion: 2 }),
      new TextEncoder().encode('{"schemaVersion":1}'),
      new TextEncoder().encode('no JSON'),
      new Uint8Array(100_000).fill(65),
    ];
    for (const signed of bad) {
      const replica = loaded(cart);
      assert.equal(replica.take(signed, 'log', NOW_MS).kind, 'refused');
      assert.equal(replica.load({ head: signed, position: '1', records: [] }, NOW_MS).kind, 'refused');
      assert.equal(shown(replica), 'shop/cart');
    }
  });

  it('refuses a whole head over one malformed record, until that is corrected', () => {
    const cart = stored('cart', 1);
    const replica = loaded(cart);
    const bad = { field: 'shop/bad', version: 2, text: '{"service":1}' };
    const pay = stored('pay', 3);
    replica.change(bad);
    replica.change(pay);
    const outcome = replica.take(head(3, [cart, bad, pay]), 'log', NOW_MS);
    assert.match(outcome.kind === 'refused' ? outcome.reason : '', /record of "shop\/bad" is malformed/);
    const set = { head: head(3, [cart, bad, pay]), position: '1', records: [cart, bad, pay] };
    assert.equal(replica.load(set, NOW_MS).kind, 'refused');
    assert.equal(shown(replica), 'shop/cart');
    const good = { head: head(4, [cart, pay]), position: '1', records: [cart, pay] };
    assert.equal(replica.load(good, NOW_MS).kind, 'accepted');
  });

  it('refuses a set that the head does not cover', () => {
    const [cart, pay] = [stored('cart', 1), stored('pay', 2)];
    const covered = head(2, [cart, pay]);
    const sets = [
      [cart],
      [cart, pay, stored('evil', 2)],
      [cart, { ...pay, version: 1 }],
      [cart, stored('pay', 2, 1)],
    ];
    for (const records of sets) {
      const replica = new PeerReplica('west', VERIFIER);
      assert.equal(replica.load({ head: covered, position: '1', records }, NOW_MS).kind, 'refused');
      assert.equal(shown(replica), '');
    }
  });

  it('begins with its own copy, and goes on from there', () => {
    const [cart, pay] = [stored('cart', 1), stored('pay', 2)];
    const origin = loaded(cart);
    const replica = new PeerReplica('west', VERIFIER, origin.mark);
    assert.ok(origin.head);
    replica.restore(origin.head, [...origin.stored.values()]);
    assert.equal(shown(replica), 'shop/cart');
    replica.change(pay);
    assert.equal(replica.take(head(2, [cart, pay]), 'log', NOW_MS).kind, 'accepted');
    const damaged = new PeerReplica('west', VERIFIER);
    assert.throws(() => damaged.restore(origin.head as HeadContent, []));
  });
});
