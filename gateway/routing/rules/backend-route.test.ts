import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backendKey } from '../../../federation/model/service.ts';
import type { SnapshotService } from '../../../federation/model/snapshot.ts';
import { routingRuntime } from '../../../test/fixtures/routing-runtime.ts';
import { portOf, serviceOf, snapshotOf } from '../../../test/fixtures/routing-snapshot.ts';
import { compileRouteTable } from '../compile.ts';
import { backendRoute } from './backend-route.ts';

const CANARY = 'shop/canary';
const named = { name: 'canary', ports: [portOf('main', 80, 'http')] };
const OFFERED = serviceOf(named);
const OWN: SnapshotService = { ...serviceOf(named), backendOnly: true };

function keyOfBackend(
  services: readonly SnapshotService[],
  more: { readonly port?: number; readonly isRpc?: boolean; readonly kind?: 'ServiceImport' } = {},
): string | undefined {
  const table = compileRouteTable(snapshotOf(services, []), undefined, routingRuntime(), 0);
  const own = more.kind === undefined ? backendKey(CANARY) : undefined;
  const { port = 80, isRpc = false } = more;
  return backendRoute(table, { service: CANARY, own, port, isRpc, name: 'canary' })?.key;
}

describe('what a backend is', () => {
  it("is this cluster's own Service before what others offer, which a ServiceImport means", () => {
    const [own, both] = [backendKey(CANARY), [OFFERED, OWN]];
    assert.equal(keyOfBackend(both), own);
    assert.equal(keyOfBackend(both, { kind: 'ServiceImport' }), CANARY);
    assert.equal(keyOfBackend([OFFERED]), CANARY);
    assert.equal(keyOfBackend([OWN], { kind: 'ServiceImport' }), undefined);
  });

  it('is nothing while the own Service is known by its name alone, whoever offers another', () => {
    const nameOnly: SnapshotService = { ...OWN, ports: [], offers: [], endpoints: [] };
    assert.equal(keyOfBackend([OFFERED, nameOnly]), undefined);
    assert.equal(keyOfBackend([OFFERED, nameOnly], { kind: 'ServiceImport' }), CANARY);
  });

  it('is nothing at a port that is not there or does not speak what the route needs', () => {
    assert.equal(keyOfBackend([OFFERED], { port: 81 }), undefined);
    assert.equal(keyOfBackend([OFFERED], { isRpc: true }), undefined);
    assert.equal(keyOfBackend([serviceOf({ ...named, ports: [portOf('main', 80, 'tcp')] })]), undefined);
    const rpc = serviceOf({ ...named, ports: [portOf('main', 80, 'http2')] });
    assert.equal(keyOfBackend([rpc], { isRpc: true }), CANARY);
  });
});
