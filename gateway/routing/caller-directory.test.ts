import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { callerBook } from '../../test/fixtures/caller-groups.ts';
import { CallerDirectory } from './caller-directory.ts';

const DOMAIN = 'east.mesh.example';

test('an address is found as sockets write it', () => {
  const book = callerBook();
  book.set('10.0.0.1', { namespace: 'shop', serviceAccount: 'cart' });
  book.set('fd00::1', { namespace: 'shop', serviceAccount: 'till' });
  const directory = new CallerDirectory();
  directory.update(book.groups(), DOMAIN);
  const cart = `spiffe://${DOMAIN}/ns/shop/sa/cart`;
  for (const remote of ['10.0.0.1:5', '::ffff:10.0.0.1:5', '[::ffff:10.0.0.1]:5']) {
    assert.equal(directory.of(remote), cart, remote);
  }
  for (const remote of ['fd00::1:5', '[fd00::1]:5']) {
    assert.equal(directory.of(remote), `spiffe://${DOMAIN}/ns/shop/sa/till`, remote);
  }
  for (const remote of ['10.0.0.2:5', '10.0.0.1', '', ':5']) assert.equal(directory.of(remote), undefined);
  directory.update(undefined, DOMAIN);
  assert.equal(directory.size, 0);
});

test('after any changes it has what a new one would have', () => {
  const step = fc.record({
    address: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.1.0.1', '10.1.0.2'),
    account: fc.constantFrom('cart', 'till', undefined),
  });
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 8 }), (batches) => {
      const book = callerBook();
      const directory = new CallerDirectory();
      const truth = new Map<string, string>();
      for (const batch of batches) {
        for (const { address, account } of batch) {
          book.set(address, account && { namespace: 'shop', serviceAccount: account });
          if (account === undefined) truth.delete(address);
          else truth.set(address, `spiffe://${DOMAIN}/ns/shop/sa/${account}`);
        }
        directory.update(book.groups(), DOMAIN);
        assert.equal(directory.size, truth.size);
        for (const [address, id] of truth) assert.equal(directory.of(`${address}:1`), id);
      }
    }),
  );
});
