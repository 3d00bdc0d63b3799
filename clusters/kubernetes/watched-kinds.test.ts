import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Fields } from '../../federation/model/fields.ts';
import { WATCHED_KINDS } from './watched-kinds.ts';

const METADATA = { name: 'cart-1', namespace: 'shop' };
const SLICE: Fields = { metadata: METADATA, addressType: 'IPv4', ports: [{ port: 8080 }], endpoints: [] };

function select(change: Fields): Fields | undefined {
  return WATCHED_KINDS.find(({ kind }) => kind === 'EndpointSlice')?.select?.({ ...SLICE, ...change });
}

it('of a slice ports without a number and annotations of others are left out', () => {
  const annotations = { 'isthmus.io/weight': '3', 'example.com/a': 'b' };
  const found = select({ metadata: { ...METADATA, annotations }, ports: [{ port: 80 }, { port: null }, {}] });
  assert.deepEqual(found, {
    ...SLICE,
    metadata: { ...METADATA, annotations: { 'isthmus.io/weight': '3' } },
    ports: [{ port: 80 }],
  });
  for (const ports of [null, undefined]) assert.ok(select({ ports }) !== undefined);
  assert.ok(select({ addressType: 'IPv6', metadata: { ...METADATA, annotations: null } }) !== undefined);
});

it('slices of another form say nothing to us', () => {
  const others: readonly Fields[] = [
    { addressType: 'FQDN' },
    { addressType: undefined },
    { metadata: null },
    { metadata: [METADATA] },
    { metadata: { ...METADATA, annotations: 'text' } },
    { ports: {} },
    { ports: [8080] },
    { ports: [{ port: '8080' }] },
    { ports: [{ port: Number.POSITIVE_INFINITY }] },
  ];
  for (const change of others) assert.equal(select(change), undefined);
});
