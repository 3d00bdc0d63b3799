import { after, before, describe } from 'node:test';
import { inProcessWorld, remoteWorld } from '../../test/fixtures/memory-world.ts';
import { storeContract } from '../../test/fixtures/store-contract.ts';
import type { StoreWorld } from '../../test/fixtures/store-world.ts';
import { Lifetime } from '../runtime/lifetime.ts';

describe('memory store in this process', () => {
  const world = inProcessWorld();
  storeContract(() => world);
});

describe('memory store of another process', () => {
  const lifetime = new Lifetime();
  let world: StoreWorld;
  before(async () => {
    world = await remoteWorld({ after: (close) => lifetime.add(close) });
  });
  after(() => lifetime.close());
  storeContract(() => world);
});
