import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { createRoot } from '../../trust/authority.ts';
import { parseStoreFlags, type StoreFlags } from './store-flags.ts';

const REDIS = 'redis://redis.example:6379';

async function refusal(flags: StoreFlags, environment?: string): Promise<UserError> {
  const [result] = await Promise.allSettled([parseStoreFlags(flags, environment)]);
  assert.ok(result?.status === 'rejected' && result.reason instanceof UserError, JSON.stringify(result));
  return result.reason;
}

function file(t: TestContext, text: string): string {
  const path = join(tempFolder(t), 'file');
  writeFileSync(path, text);
  return path;
}

describe("init's flags for the store", () => {
  it('name a memory store by its address', async () => {
    const store = { location: { kind: 'memory', address: '127.0.0.1:15990' }, admin: undefined };
    assert.deepEqual(await parseStoreFlags({ store: ['memory://127.0.0.1:15990'] }, undefined), store);
    // A variable that is set for other clusters means nothing here.
    assert.deepEqual(await parseStoreFlags({ store: ['memory://127.0.0.1:15990'] }, 'secret'), store);
  });

  it('name Redis by its nodes, with the usual port and a database where one is given', async () => {
    const urls = async (...store: string[]) => (await parseStoreFlags({ store }, undefined)).location;
    assert.deepEqual(await urls('redis://a', 'redis://b:7000/', 'redis://[::1]:1/3'), {
      kind: 'redis',
      urls: ['redis://a:6379', 'redis://b:7000', 'redis://[::1]:1/3'],
    });
    const sentinel = { store: [REDIS], storeSentinel: 'mymaster' };
    assert.deepEqual((await parseStoreFlags(sentinel, undefined)).location, {
      kind: 'redis',
      urls: [REDIS],
      sentinel: { name: 'mymaster' },
    });
    const cluster = { store: [REDIS], storeCluster: true };
    assert.deepEqual((await parseStoreFlags(cluster, undefined)).location, {
      kind: 'redis',
      urls: [REDIS],
      cluster: true,
    });
  });

  it('take the admin from a file, or from the environment', async (t) => {
    const admin = async (flags: Partial<StoreFlags>, environment?: string) =>
      (await parseStoreFlags({ store: [REDIS], ...flags }, environment)).admin;
    const path = file(t, 'from the file\n');
    assert.equal(await admin({}), undefined);
    assert.equal(await admin({}, ''), undefined);
    assert.deepEqual(await admin({}, 'p'), { username: 'default', password: 'p' });
    assert.deepEqual(await admin({ storeAdminUser: 'root' }, 'p'), { username: 'root', password: 'p' });
    assert.deepEqual(await admin({ storeAdminPasswordFile: path }, 'p'), {
      username: 'default',
      password: 'from the file',
    });
  });

  it('take the authority of a TLS store, and only a certificate for it', async (t) => {
    const { certificatePem } = await createRoot({ clusterset: 'mesh.example', nowMs: Date.now() });
    const store = ['rediss://redis.example'];
    const { location } = await parseStoreFlags({ store, storeCa: file(t, certificatePem) }, undefined);
    assert.ok(location.kind === 'redis');
    assert.equal(location.caPem, certificatePem);
    const wrong = await refusal({ store, storeCa: file(t, 'no certificate') });
    assert.match(wrong.message, /there is no CERTIFICATE block/);
    const plain = await refusal({ store: [REDIS], storeCa: file(t, certificatePem) });
    assert.match(plain.message, /not reached over TLS/);
    assert.match((await refusal({ store, storeCa: '/nowhere/ca.pem' })).message, /cannot read .*ENOENT/);
  });

  it('never repeat a password', async (t) => {
    for (const url of [
      'redis://u:hunter2@a',
      'redis://:hunter2@a',
      'rediss://a:hunter2',
      'http://u:hunter2@a',
    ]) {
      const { message, hint, exitCode } = await refusal({ store: [url] });
      assert.ok(!`${message} ${hint}`.includes('hunter2'), message);
      assert.equal(exitCode, 2);
    }
    const two = await refusal({ store: [REDIS], storeAdminPasswordFile: file(t, 'hunter2\nhunter3\n') });
    assert.match(two.message, /does not hold a password alone/);
    assert.ok(!two.message.includes('hunter'));
  });

  const refused: readonly (readonly [StoreFlags, RegExp])[] = [
    [{ store: ['redis://u:p@a'] }, /^--store redis:\/\/…@a: has a password in it$/],
    [{ store: ['redis://u@a'] }, /has a user in it/],
    [{ store: ['etcd://a'] }, /is not memory:/],
    [{ store: ['redis://'] }, /is not memory:/],
    [{ store: ['redis://a:99999'] }, /is not memory:/],
    [{ store: ['redis://a/0/1'] }, /has more than an address/],
    [{ store: ['redis://a?x=1'] }, /has more than an address/],
    [{ store: ['memory://a:1', 'memory://b:1'] }, /a memory store is one address/],
    [{ store: ['memory://a:1', REDIS] }, /a memory store is one address/],
    [{ store: ['memory://a'] }, /^--store a: is not HOST:PORT$/],
    [{ store: ['memory://a:1'], storeCluster: true }, /^--store-cluster: the memory store has none$/],
    [{ store: ['memory://a:1'], storeSentinel: 'm' }, /^--store-sentinel: the memory store has none$/],
    [{ store: ['memory://a:1'], storeAdminUser: 'a' }, /the memory store has no users/],
    [{ store: [REDIS], storeCluster: true, storeSentinel: 'm' }, /exclude each other/],
    [{ store: [REDIS], storeAdminUser: 'a' }, /^--store-admin-user: has no password$/],
  ];
  for (const [flags, message] of refused) {
    it(`are refused: ${JSON.stringify(flags)}`, async () => {
      const error = await refusal(flags);
      assert.match(error.message, message);
      assert.equal(error.exitCode, 2);
    });
  }
});
