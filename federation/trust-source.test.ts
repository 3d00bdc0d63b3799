import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { TRUST_FILE } from '../trust/folder.ts';
import { foundTrustFolder } from '../trust/folder-writer.ts';
import { ManualClock } from './runtime/clock.ts';
import { Watchable } from './runtime/watchable.ts';
import { TrustSource } from './trust-source.ts';

const DAY_MS = 86_400_000;
const RELOAD_MS = 15_000;
const LOCAL = {
  name: 'east',
  clusterset: 'mesh.example',
  trustDomain: 'east.mesh.example',
  locality: { region: 'eu', zone: 'eu-a' },
};

async function open(
  t: TestContext,
  ageMs: number,
): Promise<{ source: TrustSource; clock: ManualClock; folder: string }> {
  const clock = new ManualClock(Date.now());
  const root = tempFolder(t);
  const folder = join(root, 'trust');
  const nowMs = clock.now() - ageMs;
  await foundTrustFolder({ folder, cluster: LOCAL.name, clusterset: LOCAL.clusterset, nowMs });
  const options = { folder, local: LOCAL, stateFolder: join(root, 'state'), clock, random: () => 0.5 };
  const source = await TrustSource.open(options);
  t.after(() => source.close());
  return { source, clock, folder };
}

test('the trust home renews its intermediate once half of its life is over', async (t) => {
  const { source, clock } = await open(t, 46 * DAY_MS);
  const before = source.trust.value;
  const renewed = new Promise<void>((resolve) => source.trust.watch(() => resolve()));
  clock.advance(RELOAD_MS);
  await renewed;
  assert.ok(source.trust.value.intermediateNotAfterMs > before.intermediateNotAfterMs + 45 * DAY_MS);
  assert.equal(source.trust.value.intermediate.privateKeyPem, before.intermediate.privateKeyPem);
});

test('what was read before stays in force while the folder cannot be read', async (t) => {
  const { source, clock, folder } = await open(t, 0);
  await rm(join(folder, TRUST_FILE.intermediate));
  clock.advance(RELOAD_MS);
  while (source.problems.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.match(source.problems[0] ?? '', /intermediate\.pem: does not exist; what was read before stays/);
  assert.equal(source.trust.value.trustDomain, 'east.mesh.example');
});

test('names that only the store knows leave nothing behind', async (t) => {
  const { source } = await open(t, 0);
  const watches = t.mock.method(Watchable.prototype, 'watch');
  for (let index = 0; index < 100; index++) {
    assert.throws(() => source.verifier.verify(Buffer.from('a head'), `name-${index}`), /document/);
  }
  assert.equal(watches.mock.callCount(), 0);
});
