import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RedisServer } from '../../../test/fixtures/redis-server.ts';
import { missingTools } from '../../../test/fixtures/requirement.ts';
import { SYSTEM_CLOCK } from '../../runtime/clock.ts';
import { RedisDriver } from './redis-driver.ts';

describe('the members in a Redis', { skip: missingTools('redis-server') }, () => {
  it('are read without names that are longer than any, however long', async (t) => {
    const server = await RedisServer.start(t);
    const location = { urls: [server.url] };
    const options = { location, clusterset: 'mesh.example', clock: SYSTEM_CLOCK, random: Math.random };
    const driver = new RedisDriver(options);
    t.after(() => driver.close());
    await driver.check('west');
    await driver.addMember('west');
    await driver.addMember('x'.repeat(63));
    for (const letter of 'abc') await driver.addMember(letter.repeat(1_000_000));
    assert.deepEqual((await driver.members()).toSorted(), ['west', 'x'.repeat(63)]);
  });
});
