import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../test/fixtures/ephemeral-port.ts';
import { SentinelGroup } from '../../../test/fixtures/redis-groups.ts';
import { RedisServer } from '../../../test/fixtures/redis-server.ts';
import { missingTools } from '../../../test/fixtures/requirement.ts';
import { serverCertificate } from '../../../test/fixtures/server-certificate.ts';
import { eventually } from '../../../test/fixtures/store-clusters.ts';
import { TcpRelay } from '../../../test/fixtures/tcp-relay.ts';
import { UserError } from '../../model/user-error.ts';
import { SYSTEM_CLOCK } from '../../runtime/clock.ts';
import { PROBE_TIMING, type ProbeTiming } from '../probe.ts';
import { RedisConnection } from './connection.ts';
import type { RedisLocation } from './location.ts';
import { RedisDriver } from './redis-driver.ts';

const SECRET = 'not-to-be-shown';
/** Why a server cannot be used is told once it is known: one that had no time for a moment is not silent. */
const PATIENT: ProbeTiming = { ...PROBE_TIMING, answerMs: 10_000 };

describe('a Redis that cannot be used is named, with what to do', {
  skip: missingTools('redis-server'),
  concurrency: 4,
}, () => {
  it('wrong password', async (t) => {
    const server = await RedisServer.start(t, {
      acl: `user default on >${SECRET}-real ~* +@all\n`,
      password: `${SECRET}-real`,
    });
    const refusal = await refused(t, { urls: [server.url], username: 'isthmus-west', password: SECRET });
    assert.match(refusal.message, /refuses the password of user isthmus-west/);
    assertNames(refusal, server.port);
  });

  it('no password where one is needed', async (t) => {
    const server = await RedisServer.start(t, {
      acl: `user default on >${SECRET} ~* +@all\n`,
      password: SECRET,
    });
    const refusal = await refused(t, { urls: [server.url] });
    assert.match(refusal.message, /wants a password/);
    assertNames(refusal, server.port);
  });

  it('a password in the URL is used and not shown', async (t) => {
    const server = await RedisServer.start(t, {
      acl: `user default on >${SECRET} ~* +@all\n`,
      password: SECRET,
    });
    const url = new URL(server.url);
    url.username = 'default';
    url.password = SECRET;
    await open(t, { urls: [url.href] }).check('west');
    url.password = `${SECRET}-wrong`;
    assertNames(await refused(t, { urls: [url.href] }), server.port);
  });

  it('nobody listens', async (t) => {
    const port = await freePort();
    const refusal = await refused(t, { urls: [`redis://127.0.0.1:${port}`], password: SECRET });
    assert.match(refusal.message, /cannot be reached.*ECONNREFUSED/);
    assertNames(refusal, port);
  });

  it('missing permissions', async (t) => {
    const acl = `user default on >x ~* +@all\nuser poor on >${SECRET} ~* +ping +info +client|setname +srandmember\n`;
    const server = await RedisServer.start(t, { acl, password: 'x' });
    const driver = open(t, { urls: [server.url], username: 'poor', password: SECRET });
    const refusal = await rejection(driver.check('west'));
    assert.match(refusal.message, /does not permit user poor what Isthmus needs: NOPERM/);
    assertNames(refusal, server.port);
    assert.equal(driver.state.value, 'up', 'the store answers');
    assert.equal(driver.problem.value?.message, refusal.message);
  });

  it('a certificate of an authority that is not trusted', async (t) => {
    const server = await RedisServer.start(t, { tls: await serverCertificate() });
    const other = await serverCertificate();
    const refusal = await refused(t, { urls: [server.url], caPem: other.caPem });
    assert.match(refusal.message, /TLS certificate of .* is not trusted/);
    assertNames(refusal, server.port);
  });

  it('a certificate for another name', async (t) => {
    const tls = await serverCertificate();
    const server = await RedisServer.start(t, { tls });
    const urls = [`rediss://[::ffff:127.0.0.1]:${server.port}`];
    const refusal = await refused(t, { urls, caPem: tls.caPem });
    assert.match(refusal.message, /TLS certificate of .* is not trusted/);
  });

  it('TLS to a server that speaks none, and none to one that does', async (t) => {
    const tls = await serverCertificate();
    const [plain, encrypted] = [await RedisServer.start(t), await RedisServer.start(t, { tls })];
    const wrong = await refused(t, { urls: [plain.url.replace('redis:', 'rediss:')], caPem: tls.caPem });
    assertNames(wrong, plain.port);
    assertNames(await refused(t, { urls: [encrypted.url.replace('rediss:', 'redis:')] }), encrypted.port);
  });

  it('something that is no Redis', async (t) => {
    const server = createServer((socket) =>
      socket.on('error', () => socket.destroy()).end('HTTP/1.1 400 Bad\r\n\r\n'),
    );
    t.after(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assertNames(await refused(t, { urls: [`redis://127.0.0.1:${port}`] }), port);
  });

  it('sentinels that know no such master', async (t) => {
    const group = await SentinelGroup.start(t, {}, 1);
    const refusal = await refused(t, { urls: group.urls, sentinel: { name: 'nobody' } });
    assert.match(refusal.message, /master nobody of the sentinels/);
  });

  it('a URL that is none', () => {
    for (const url of [
      `http://u:${SECRET}@host`,
      'redis://host:1/a/b',
      `redis://:${SECRET}@:1`,
      `::${SECRET}`,
    ]) {
      const options = { clusterset: 'mesh.example', clock: SYSTEM_CLOCK, random: Math.random };
      assert.throws(
        () => new RedisDriver({ ...options, location: { urls: [url] } }),
        (failure) => failure instanceof UserError && !failure.message.includes(SECRET),
      );
    }
  });
});

describe('a Redis connection', { skip: missingTools('redis-server'), concurrency: 4 }, () => {
  it('is made again when packets were dropped, without a word from either side', async (t) => {
    const server = await RedisServer.start(t);
    const relay = await TcpRelay.start(t, server.port);
    const driver = open(t, { urls: [`redis://127.0.0.1:${relay.port}`] }, PROBE_TIMING);
    await driver.check('west');
    relay.freeze();
    await eventually('it is down', () => driver.state.value === 'down');
    await rejection(driver.members());
    relay.thaw();
    await eventually('it is up', () => driver.state.value === 'up');
    assert.deepEqual(await driver.members(), []);
  });

  it('is made again when it was dropped while it was being made', async (t) => {
    const group = await SentinelGroup.start(t, {}, 1);
    const [server] = group.servers;
    const locations: readonly RedisLocation[] = [
      { urls: group.urls, sentinel: { name: group.name } },
      { urls: [server?.url ?? ''] },
    ];
    for (const location of locations) {
      const connection = new RedisConnection({ location, clock: SYSTEM_CLOCK, random: Math.random });
      t.after(() => connection.close());
      for (let waitMs = 0; waitMs < 10; waitMs++) {
        connection.renew();
        await delay(waitMs);
      }
      let answered = false;
      while (!answered) {
        await connection.ready(100);
        answered = await connection.call('ping').then(
          () => true,
          () => false,
        );
      }
    }
  });

  it('is cut when a reply has no end', async (t) => {
    let sentBytes = 0;
    const closed = Promise.withResolvers<void>();
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy()).on('close', () => closed.resolve());
      socket.write('$1000000000\r\n');
      const flood = (): void => {
        while (socket.writable && sentBytes < 200e6) {
          sentBytes += 65_536;
          if (!socket.write(Buffer.alloc(65_536))) return;
        }
      };
      socket.on('drain', flood);
      flood();
    });
    t.after(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const location = { urls: [`redis://127.0.0.1:${(server.address() as AddressInfo).port}`] };
    const maxReplyBytes = 1_000_000;
    const connection = new RedisConnection({
      location,
      clock: SYSTEM_CLOCK,
      random: Math.random,
      maxReplyBytes,
    });
    t.after(() => connection.close());
    await closed.promise;
    assert.ok(sentBytes < 100e6, `${sentBytes} bytes went out`);
  });

  it('is made again when the server was started again', async (t) => {
    const server = await RedisServer.start(t);
    const driver = open(t, { urls: [server.url] });
    await driver.check('west');
    await server.kill();
    await eventually('it is down', () => driver.state.value === 'down');
    assert.match(driver.problem.value?.message ?? '', /cannot be reached/);
    await server.start();
    await eventually('it is up', () => driver.state.value === 'up');
    assert.equal(driver.problem.value, undefined);
    assert.deepEqual(await driver.readLog(new Map([['west', '0-0']]), 10), []);
  });
});

function open(t: TestContext, location: RedisLocation, probe = PATIENT): RedisDriver {
  const driver = new RedisDriver({
    location,
    probe,
    clusterset: 'mesh.example',
    clock: SYSTEM_CLOCK,
    random: Math.random,
  });
  t.after(() => driver.close());
  return driver;
}

function refused(t: TestContext, location: RedisLocation): Promise<UserError> {
  return rejection(open(t, location).check('west'));
}

async function rejection(promise: Promise<unknown>): Promise<UserError> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(failure instanceof UserError, `rejected with a UserError: ${String(failure)}`);
  return failure;
}

function assertNames(refusal: UserError, port: number): void {
  assert.ok(refusal.message.includes(`127.0.0.1:${port}`), `names the address: ${refusal.message}`);
  assert.ok(!`${refusal.message} ${refusal.hint}`.includes(SECRET), 'shows no password');
  assert.ok(refusal.hint !== undefined, 'says what to do');
}
