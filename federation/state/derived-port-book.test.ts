import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { DerivedPort } from '../../clusters/kubernetes/mcs/derived-ports.ts';
import { ListenPorts, type PortGrant } from '../snapshot/listen-ports.ts';
import { DerivedPortBook } from './derived-port-book.ts';

const RANGE = { from: 15_500, to: 15_599 };
const PAYMENTS = { target: 'shop/payments:http', port: 15_501 };
const FORGED = { target: 'attic/forged:http', port: 15_501 };

async function portsOf(derived: readonly DerivedPort[], written: readonly PortGrant[]): Promise<ListenPorts> {
  const source = { heard: async () => derived, now: async () => derived };
  const other = { name: 'other', mustBeRead: false, read: async () => written, write: async () => undefined };
  return new ListenPorts(RANGE, await new DerivedPortBook(source, other).read(true));
}

it('of two derived Services that name one port, the one counts that was written down, whatever they are called', async () => {
  const written = [{ ...PAYMENTS, releasedAtMs: undefined }];
  for (const derived of [
    [FORGED, PAYMENTS],
    [PAYMENTS, FORGED],
  ]) {
    const ports = await portsOf(derived, written);
    assert.deepEqual([ports.get(PAYMENTS.target), ports.get(FORGED.target)], [PAYMENTS.port, undefined]);
  }
});

it('what a derived Service says counts before what was written down', async () => {
  const ports = await portsOf([PAYMENTS], [{ ...PAYMENTS, port: 15_502, releasedAtMs: undefined }]);
  assert.equal(ports.get(PAYMENTS.target), PAYMENTS.port);
});
