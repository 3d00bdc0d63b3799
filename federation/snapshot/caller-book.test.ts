import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallerBook } from './caller-book.ts';

const CART = { namespace: 'shop', serviceAccount: 'cart' };
const TILL = { namespace: 'shop', serviceAccount: 'till' };

function addressesOf(book: CallerBook): Record<string, readonly string[]> {
  return Object.fromEntries([...book.groups()].map(([key, { addresses }]) => [key, addresses]));
}

test('addresses are grouped by workload and by how they begin', () => {
  const book = new CallerBook();
  for (const address of ['10.0.0.2', '10.0.0.1', '10.1.0.1', 'fd00:1:2:3::7', 'fd00::1'])
    book.set(address, CART);
  book.set('10.0.0.3', TILL);
  assert.deepEqual(addressesOf(book), {
    'shop/cart/10.0': ['10.0.0.1', '10.0.0.2'],
    'shop/cart/10.1': ['10.1.0.1'],
    'shop/cart/fd00:1:2': ['fd00:1:2:3::7'],
    'shop/cart/fd00': ['fd00::1'],
    'shop/till/10.0': ['10.0.0.3'],
  });
});

test('what does not change stays the same object', () => {
  const book = new CallerBook();
  book.set('10.0.0.1', CART);
  book.set('10.1.1.1', CART);
  const first = book.groups();
  assert.equal(book.groups(), first);
  book.set('10.0.0.1', { ...CART });
  assert.equal(book.groups(), first);
  book.set('10.0.0.2', CART);
  const second = book.groups();
  assert.notEqual(second, first);
  assert.equal(second.get('shop/cart/10.1'), first.get('shop/cart/10.1'));
  assert.deepEqual(first.get('shop/cart/10.0')?.addresses, ['10.0.0.1'], 'what was given stays as it is');
});

test('an address goes to another workload, and away', () => {
  const book = new CallerBook();
  book.set('10.0.0.1', CART);
  book.groups();
  book.set('10.0.0.1', TILL);
  assert.deepEqual(addressesOf(book), { 'shop/till/10.0': ['10.0.0.1'] });
  book.set('10.0.0.1', undefined);
  book.set('10.9.9.9', undefined);
  assert.equal(book.groups().size, 0);
});
