import { after, before, describe } from 'node:test';
import { driverContract } from '../../test/fixtures/driver-contract.ts';
import { inProcessWorld, remoteWorld } from '../../test/fixtures/memory-world.ts';
import type { StoreWorld } from '../../test/fixtures/store-world.ts';
import { Lifetime } from '../runtime/lifetime.ts';

describe('memory store in this process', () => {
  const world = inProcessWorld();
  driverContract(() => world);
});

describe('memory store of another process', () => {
  const lifetime = new Lifetime();
  let world: StoreWorld;
  before(async () => {
    world = await remoteWorld({ after: (close) => lifetime.add(close) });
  });
  after(() => lifetime.close());
  driverContract(() => world);
});
