import { after, before, describe } from 'node:test';
import { inProcessWorld, remoteWorld } from '../../test/fixtures/memory-world.ts';
import { storeContract } from '../../test/fixtures/store-contract.ts';
import type { StoreWorld } from '../../test/fixtures/store-world.ts';
import { Lifetime } from '../runtime/lifetime.ts';

// Two stores that know nothing of each other: their tests mostly wait, so they wait together.
describe('memory store', { concurrency: true }, () => {
  describe('in this process', { concurrency: 1 }, () => {
    const world = inProcessWorld();
    storeContract(() => world);
  });

  describe('of another process', { concurrency: 1 }, () => {
    const lifetime = new Lifetime();
    let world: StoreWorld;
    before(async () => {
      world = await remoteWorld({ after: (close) => lifetime.add(close) });
    });
    after(() => lifetime.close());
    storeContract(() => world);
  });
});
