import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type GatewaySlice, gatewaySlice, joinGatewaySlices } from './gateway-endpoints.ts';

function slice(...endpoints: readonly unknown[]): GatewaySlice {
  const read = gatewaySlice({ addressType: 'IPv4', endpoints });
  assert.ok(read !== undefined);
  return read;
}

/** Of the joined endpoints, those that get new connections. */
function ready(...slices: readonly GatewaySlice[]): readonly string[] {
  const joined = joinGatewaySlices(slices).get('IPv4') ?? [];
  return joined.filter(({ conditions }) => conditions.ready).flatMap(({ addresses }) => addresses);
}

const well = (address: string): unknown => ({ addresses: [address], conditions: { ready: true } });
const unready = (address: string): unknown => ({ addresses: [address], conditions: { ready: false } });
const ending = (address: string): unknown => ({
  addresses: [address],
  conditions: { ready: false, serving: true, terminating: true },
});

describe('gateways as endpoints of derived Services', () => {
  it('are those that are ready', () => {
    assert.deepEqual(ready(slice(well('10.0.0.1'), unready('10.0.0.2'), ending('10.0.0.3'))), ['10.0.0.1']);
  });

  it('count by the better word while a pod is in two slices', () => {
    assert.deepEqual(ready(slice(unready('10.0.0.1')), slice(well('10.0.0.1'), well('10.0.0.2'))), [
      '10.0.0.1',
      '10.0.0.2',
    ]);
  });

  it('are all that do not end, where none is ready', () => {
    const read = slice(unready('10.0.0.1'), unready('10.0.0.2'), ending('10.0.0.3'));
    assert.deepEqual(ready(read), ['10.0.0.1', '10.0.0.2']);
  });
});
