import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { opaquePair } from '../../test/fixtures/opaque-pair.ts';
import { postgresProgram, startPostgres } from '../../test/fixtures/postgres-server.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { RedisServer } from '../../test/fixtures/redis-server.ts';
import { missingTools, skipReason } from '../../test/fixtures/requirement.ts';

const run = promisify(execFile);
const ROWS = 200_000;

async function redis(t: TestContext) {
  const server = await RedisServer.start(t);
  const { port, east, west } = await opaquePair(t, server.port);
  return { server, east, west, client: server.client({ port }) };
}

/** The result of an SQL statement through the gateways, as psql prints it. */
async function psql(port: number, sql: string, input?: string): Promise<string> {
  const url = `postgresql://test@127.0.0.1:${port}/postgres`;
  const running = run('psql', ['-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-c', sql, url], {
    maxBuffer: 64 * 1024 * 1024,
  });
  running.child.stdin?.end(input ?? '');
  return (await running).stdout.trim();
}

describe('Redis behind two gateways', { skip: missingTools('redis-server') }, () => {
  test('many commands at once and values larger than every window', async (t) => {
    const { client } = await redis(t);
    const value = Buffer.alloc(12 * 1024 * 1024, 'isthmus-');
    await client.set('large', value);
    const answers = await Promise.all(Array.from({ length: 2000 }, () => client.incr('count')));
    assert.equal(answers.at(-1), 2000);
    assert.ok((await client.getBuffer('large'))?.equals(value));
  });

  test('it pushes to a subscriber that says nothing', async (t) => {
    const { server, client } = await redis(t);
    const heard = new Promise((resolve) => client.on('message', (_channel, message) => resolve(message)));
    await client.subscribe('news');
    await server.client().publish('news', 'told');
    assert.equal(await heard, 'told');
  });

  test('a killed one is a broken connection for its client', async (t) => {
    const { server, east, client } = await redis(t);
    await client.ping();
    const closed = new Promise((resolve) => client.once('close', resolve));
    await server.kill();
    await closed;
    await until(() => east.resources.heldBytes.usedBytes === 0);
  });
});

const missingPostgres =
  postgresProgram('postgres') === undefined || missingTools('psql') !== false
    ? skipReason('missing: postgresql; to run this, install it (Debian: apt-get install postgresql)')
    : false;

describe('PostgreSQL behind two gateways', { skip: missingPostgres }, () => {
  test('queries, a bulk load, a bulk read, and an error in between', async (t) => {
    const { port, east, west } = await opaquePair(t, await startPostgres(t));
    await psql(port, 'create table numbers (n int primary key, text text)');
    const lines = Array.from({ length: ROWS }, (_, n) => `${n}\trow ${n}`).join('\n');
    await psql(port, 'copy numbers from stdin', `${lines}\n`);
    const sum = (ROWS * (ROWS - 1)) / 2;
    assert.equal(await psql(port, 'select count(*), sum(n) from numbers'), `${ROWS}|${sum}`);
    assert.equal(await psql(port, 'copy (select * from numbers order by n) to stdout'), lines);
    await assert.rejects(psql(port, 'select * from nowhere'), /relation "nowhere" does not exist/);
    assert.equal(await psql(port, 'select 6 * 7'), '42');
    await until(() => east.resources.heldBytes.usedBytes === 0 && west.resources.heldBytes.usedBytes === 0);
    assert.ok(east.seen.every(({ failure, protocol }) => failure === undefined && protocol === 'tcp'));
  });
});
