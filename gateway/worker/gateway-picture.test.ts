import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint } from '../../federation/model/endpoint.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { DEFAULT_TRAFFIC_POLICY } from '../../federation/model/traffic-policy.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { endpointAt, offerOf, serviceOf, snapshotOf } from '../../test/fixtures/routing-snapshot.ts';
import { explainBalancing } from '../routing/explain-balancing.ts';
import { explainRoute } from '../routing/explain-route.ts';
import { GatewayPicture } from './gateway-picture.ts';

const SLOW_START = { windowMs: 60_000, minWeightPercent: 10, aggression: 1 };
const traffic = {
  ...DEFAULT_TRAFFIC_POLICY,
  loadBalancing: { kind: 'round-robin', slowStart: SLOW_START },
} as const;

function world() {
  const clock = new ManualClock();
  const options = { clock, random: Math.random, followed: true, sharedPorts: [] };
  const picture = new GatewayPicture(options);
  const snapshot = (version: number, ...endpoints: Endpoint[]): RoutingSnapshot => {
    const service = { ...serviceOf({ endpoints, offers: [offerOf('east', endpoints.length)] }), traffic };
    return { ...snapshotOf([service], []), version, createdAtMs: clock.now() };
  };
  const asked = () => {
    const table = picture.table();
    const route = table?.byTarget('shop/payments:http');
    assert.ok(table !== undefined && route !== undefined);
    return { table, route };
  };
  return { clock, picture, snapshot, asked };
}

describe('a gateway’s picture of what its workers do', () => {
  it('is there before anybody asks for its table, which is that of the snapshot in force', () => {
    const { clock, picture, snapshot, asked } = world();
    assert.equal(picture.table(), undefined);
    picture.use(snapshot(1, endpointAt('10.0.0.1')), clock.now());
    assert.equal(picture.snapshot?.version, 1);
    assert.equal(asked().table.snapshot.version, 1);
    picture.use(snapshot(2, endpointAt('10.0.0.1')), clock.now());
    assert.equal(asked().table.snapshot.version, 2);
    assert.equal(picture.table(), picture.table());
  });

  it('knows which endpoints are in their slow start, whenever it is asked first', () => {
    const { clock, picture, snapshot, asked } = world();
    clock.advance(100_000);
    const old = { ...endpointAt('10.0.0.1'), changedAtMs: clock.now() - 1000 };
    picture.use(snapshot(1, old), clock.now());
    clock.advance(10_000);
    const young = { ...endpointAt('10.0.0.2'), changedAtMs: clock.now() };
    picture.use(snapshot(2, old, young), clock.now());
    clock.advance(20_000);
    const { table, route } = asked();
    const [locality] = explainBalancing(clock.now(), table, route).localities;
    assert.deepEqual(
      locality?.warming.map(({ address, warmInMs }) => [address, warmInMs]),
      [['10.0.0.2:8080', 40_000]],
    );
  });

  it('shows what was found before anybody asked, and after', () => {
    const { clock, picture, snapshot, asked } = world();
    picture.use(snapshot(1, endpointAt('10.0.0.1'), endpointAt('10.0.0.2')), clock.now());
    const healthy = (): number | undefined => {
      const { table, route } = asked();
      return explainRoute(clock.now(), table, route).clusters[0]?.healthy;
    };
    const ejected = { service: 'shop/payments', address: '10.0.0.1:8080', state: 'ejected' } as const;
    picture.found([ejected], clock.now());
    assert.equal(healthy(), 1);
    picture.found([], clock.now());
    assert.equal(healthy(), 2);
  });

  it('says what cannot be compiled, and stays as it was', () => {
    const { clock, picture, snapshot, asked } = world();
    const sound = snapshot(1, endpointAt('10.0.0.1'));
    picture.check(sound);
    assert.equal(picture.snapshot, undefined);
    picture.use(sound, clock.now());
    const services = new Map([...sound.services].map(([key, one]) => [key, { ...one }]));
    Object.defineProperty(services.get('shop/payments') ?? {}, 'access', {
      get: () => {
        throw new Error('it cannot be compiled');
      },
    });
    assert.throws(() => picture.check({ ...sound, version: 2, services }), /it cannot be compiled/);
    assert.equal(asked().table.snapshot, sound);
  });
});
