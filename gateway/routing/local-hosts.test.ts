import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { localityKey } from '../../federation/model/cluster.ts';
import type { EndpointState } from '../../federation/model/endpoint.ts';
import { DEFAULT_OUTLIER } from '../../federation/model/policy.ts';
import { localEndpoint } from '../../test/fixtures/balanced-endpoints.ts';
import { EU_A, EU_B } from '../../test/fixtures/routing-snapshot.ts';
import { powerOfTwo } from './balancing/power-of-two.ts';
import type { Candidates } from './candidates.ts';
import { EndpointPool } from './endpoint-pool.ts';
import type { CheckState, Ejection } from './endpoint-runtime.ts';
import type { LocalEndpoint } from './local-endpoint.ts';
import { fitness, localLocalities, sortLocalHosts } from './local-hosts.ts';
import { TroubledPools } from './troubled-pools.ts';

const POLICY = { outlier: DEFAULT_OUTLIER, checked: false };
const BALANCING = powerOfTwo(undefined, Math.random);

function endpointsOf(pool: EndpointPool, ...states: readonly EndpointState[]): LocalEndpoint[] {
  const addresses = states.map((_, index) => `10.0.0.${index + 1}:80`);
  const pooled = addresses.map((address) => ({ address, serving: true, usableSinceMs: 0 }));
  const runtimes = pool.update(pooled, POLICY);
  return runtimes.map((runtime, index) => {
    const locality = index === 0 ? EU_B : EU_A;
    const address = addresses[index] ?? '';
    const state = states[index] ?? 'ready';
    const key = localityKey(locality);
    const where = { ...localEndpoint(address), locality, localityKey: key };
    return { ...where, state, runtime };
  });
}

function hostsOf({ destinations }: Candidates): readonly string[] {
  return destinations.map(({ endpoint }) => endpoint.address.slice(0, -':80'.length));
}

describe('fitness of an endpoint', () => {
  const out: Ejection = { kind: 'ejected', count: 1, untilMs: 1 };
  const well: Ejection = { kind: 'in', count: 1 };
  const table: readonly [EndpointState, CheckState, Ejection, string][] = [
    ['ready', 'unchecked', well, 'healthy'],
    ['ready', 'healthy', well, 'healthy'],
    ['ready', 'pending', well, 'excluded'],
    ['ready', 'unhealthy', well, 'unhealthy'],
    ['ready', 'healthy', out, 'unhealthy'],
    ['degraded', 'healthy', well, 'degraded'],
    ['degraded', 'unhealthy', well, 'unhealthy'],
    ['unready', 'healthy', well, 'unhealthy'],
    ['unready', 'pending', well, 'unhealthy'],
  ];
  for (const [state, check, ejection, expected] of table) {
    it(`that is ${state}, ${check} and ${ejection.kind} is ${expected}`, () => {
      const [endpoint] = endpointsOf(new EndpointPool('shop/payments', POLICY, new TroubledPools()), state);
      assert.ok(endpoint !== undefined);
      Object.assign(endpoint.runtime, { check, ejection });
      assert.equal(fitness(endpoint), expected);
    });
  }
});

describe('local hosts', () => {
  it('are sorted by locality and fitness', () => {
    const pool = new EndpointPool('shop/payments', POLICY, new TroubledPools());
    const hosts = sortLocalHosts(endpointsOf(pool, 'ready', 'ready', 'degraded', 'unready'), pool, BALANCING);
    assert.deepEqual([...hosts.byLocality.keys()], ['eu/eu-a', 'eu/eu-b']);
    const near = hosts.byLocality.get('eu/eu-a')?.endpoints;
    assert.ok(near !== undefined);
    assert.equal(near.hosts, 3);
    assert.deepEqual(hostsOf(near.healthy), ['10.0.0.2']);
    assert.deepEqual(hostsOf(near.degraded), ['10.0.0.3']);
    assert.deepEqual(hostsOf(hosts.everywhere.healthy), ['10.0.0.1', '10.0.0.2']);
  });

  it('are used in panic as far as the provider calls them ready, or all if it calls none so', () => {
    const pool = new EndpointPool('shop/payments', POLICY, new TroubledPools());
    const some = endpointsOf(pool, 'ready', 'unready', 'degraded');
    for (const { address } of some) pool.setCheck(address, 'unhealthy', 0);
    assert.deepEqual(hostsOf(sortLocalHosts(some, pool, BALANCING).everywhere.any), ['10.0.0.1', '10.0.0.3']);
    const none = sortLocalHosts(endpointsOf(pool, 'unready', 'unready'), pool, BALANCING).everywhere;
    assert.deepEqual(hostsOf(none.any), ['10.0.0.1', '10.0.0.2']);
    assert.deepEqual(hostsOf(none.serving), []);
  });

  it('weigh what the offer says, or what there is of them', () => {
    const pool = new EndpointPool('shop/payments', POLICY, new TroubledPools());
    const hosts = sortLocalHosts(endpointsOf(pool, 'ready', 'ready', 'unready'), pool, BALANCING);
    const offered = [{ locality: EU_B, hosts: 9, healthy: 9, degraded: 0, excluded: 0, weight: 50 }];
    assert.deepEqual(localLocalities(hosts, offered), [
      { locality: EU_A, hosts: 2, healthy: 1, degraded: 0, excluded: 0, weight: 2 },
      { locality: EU_B, hosts: 1, healthy: 1, degraded: 0, excluded: 0, weight: 50 },
    ]);
  });
});
