import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { parseSpiffeId } from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { createIntermediate, createRoot, issueSvid } from './authority.ts';
import { createCsr } from './csr.ts';
import { loadTrustFolder, TRUST_FILE } from './folder.ts';
import {
  bundleOfRoot,
  foundTrustFolder,
  renewIntermediate,
  writeTrustBundle,
  writeTrustFolder,
} from './folder-writer.ts';
import { generateKeyPair } from './key.ts';
import { verifySvid } from './verify.ts';

const WEST = 'west.mesh.example';
const nowMs = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

describe('a trust folder', () => {
  /** A folder that is good until a test spoils it. */
  async function founded(t: TestContext, cluster = 'west'): Promise<string> {
    const folder = join(tempFolder(t), 'trust');
    await foundTrustFolder({ folder, cluster, clusterset: 'mesh.example', nowMs });
    return folder;
  }

  it('is founded with keys that only their owner can read', async (t) => {
    const folder = await founded(t);
    const modes = await Promise.all(
      (await readdir(folder))
        .sort()
        .map(async (name) => [name, ((await stat(join(folder, name))).mode & 0o777).toString(8)]),
    );
    assert.deepEqual(modes, [
      ['bundle.json', '644'],
      ['intermediate.key', '600'],
      ['intermediate.pem', '644'],
      ['root.key', '600'],
      ['root.pem', '644'],
    ]);
  });

  it('gives an authority that issues what its bundle verifies', async (t) => {
    const trust = await loadTrustFolder(await founded(t), { nowMs, trustDomain: WEST });
    assert.deepEqual([trust.trustDomain, trust.clusterset], [WEST, 'mesh.example']);
    assert.equal(trust.intermediateNotAfterMs, nowMs + 90 * DAY_MS);
    assert.ok(trust.rootNotAfterMs > nowMs + 3650 * DAY_MS);
    assert.ok(trust.root);
    const id = parseSpiffeId(`spiffe://${WEST}/ns/shop/sa/cart`);
    const csrDer = await createCsr({ keyPair: await generateKeyPair(), id, dnsNames: [] });
    const { chainDer } = await issueSvid(trust.intermediate, { csrDer, id, dnsNames: [], nowMs });
    const [leaf = new Uint8Array(), ...above] = chainDer;
    assert.equal(verifySvid(leaf, above, new Map([[WEST, trust.bundle.rootsDer]]), nowMs).text, id.text);
  });

  it('of a member works without the root’s key', async (t) => {
    const folder = await founded(t);
    const home = await loadTrustFolder(folder, { nowMs });
    assert.ok(home.root);
    const east = await generateKeyPair();
    const trustDomain = 'east.mesh.example';
    const pem = await createIntermediate(home.root, { trustDomain, publicKeyPem: east.publicKeyPem, nowMs });
    const member = join(tempFolder(t), 'east');
    await writeTrustFolder(member, {
      intermediatePem: pem,
      intermediateKeyPem: east.privateKeyPem,
      bundle: home.bundle,
    });
    const trust = await loadTrustFolder(member, { nowMs, trustDomain });
    assert.equal(trust.root, undefined);
    assert.equal(await renewIntermediate(trust, nowMs + 80 * DAY_MS), undefined);
  });

  it('is never overwritten', async (t) => {
    const folder = await founded(t);
    const before = await contents(folder);
    await refused(
      foundTrustFolder({ folder, cluster: 'west', clusterset: 'mesh.example', nowMs }),
      /exists already/,
    );
    for (const name of Object.values(TRUST_FILE).filter((file) => file !== TRUST_FILE.request)) {
      const partial = join(tempFolder(t), 'trust');
      await mkdir(partial);
      await copyFile(join(folder, name), join(partial, name));
      if (name === TRUST_FILE.root) continue;
      await refused(
        foundTrustFolder({ folder: partial, cluster: 'x', clusterset: 'mesh.example', nowMs }),
        /exists already/,
      );
    }
    assert.deepEqual(await contents(folder), before);
  });

  it('renews its intermediate from half of its life on, with the key it has', async (t) => {
    const folder = await founded(t);
    const trust = await loadTrustFolder(folder, { nowMs });
    assert.equal(await renewIntermediate(trust, nowMs + 44 * DAY_MS), undefined);
    const later = nowMs + 46 * DAY_MS;
    const renewed = await renewIntermediate(trust, later);
    assert.equal(renewed?.intermediateNotAfterMs, later + 90 * DAY_MS);
    assert.equal(renewed?.intermediate.privateKeyPem, trust.intermediate.privateKeyPem);
    assert.deepEqual(await loadTrustFolder(folder, { nowMs: later }), renewed);
  });

  it('takes a new bundle', async (t) => {
    const folder = await founded(t);
    const { bundle } = await loadTrustFolder(folder, { nowMs });
    const other = bundleOfRoot(await createRoot({ clusterset: 'mesh.example', nowMs }), 'mesh.example', 2);
    const both = { ...other, rootsDer: [...bundle.rootsDer, ...other.rootsDer] };
    await writeTrustBundle(folder, both);
    assert.deepEqual((await loadTrustFolder(folder, { nowMs })).bundle, both);
  });

  describe('is refused, with the file and what to do,', () => {
    let other: string;
    before(async () => {
      const root = await createRoot({ clusterset: 'mesh.example', nowMs });
      other = root.privateKeyPem;
    });

    interface Spoiling {
      readonly what: string;
      spoil(folder: string): Promise<unknown>;
      readonly expected: RegExp;
      readonly nowMs?: number;
    }
    const path = join;
    const spoilings: readonly Spoiling[] = [
      ...[TRUST_FILE.intermediate, TRUST_FILE.intermediateKey, TRUST_FILE.bundle, TRUST_FILE.root].map(
        (name) => ({
          what: `without ${name}`,
          spoil: (folder: string) => rm(path(folder, name)),
          expected: new RegExp(`${name}: does not exist`),
        }),
      ),
      ...[TRUST_FILE.intermediateKey, TRUST_FILE.rootKey].flatMap((name) =>
        [0o640, 0o604, 0o644].map((mode) => ({
          what: `with ${name} of mode ${mode.toString(8)}`,
          spoil: (folder: string) => chmod(path(folder, name), mode),
          expected: new RegExp(`${name}: mode ${mode.toString(8)} lets others read the key`),
        })),
      ),
      ...[TRUST_FILE.intermediate, TRUST_FILE.bundle, TRUST_FILE.intermediateKey, TRUST_FILE.rootKey].map(
        (name) => ({
          what: `with nonsense in ${name}`,
          spoil: (folder: string) => writeFile(path(folder, name), 'nonsense'),
          expected: new RegExp(`${name}: `),
        }),
      ),
      ...[TRUST_FILE.intermediateKey, TRUST_FILE.rootKey].map((name) => ({
        what: `with another key in ${name}`,
        spoil: (folder: string) => writeFile(path(folder, name), other),
        expected: new RegExp(`${name}: is not the key of`),
      })),
      {
        what: 'with a root as intermediate',
        spoil: (folder) => copyFile(path(folder, TRUST_FILE.root), path(folder, TRUST_FILE.intermediate)),
        expected: /intermediate\.pem: is not an intermediate/,
      },
      {
        what: 'when it is expired',
        spoil: async () => {},
        expected: /intermediate\.pem: expired at/,
        nowMs: nowMs + 91 * DAY_MS,
      },
      { what: 'before its time', spoil: async () => {}, expected: /valid only from/, nowMs: nowMs - DAY_MS },
    ];
    for (const { what, spoil, expected, nowMs: at = nowMs } of spoilings) {
      it(what, async (t) => {
        const folder = await founded(t);
        await spoil(folder);
        await refused(loadTrustFolder(folder, { nowMs: at }), expected);
      });
    }

    it('of another cluster', async (t) => {
      const folder = await founded(t, 'east');
      await refused(
        loadTrustFolder(folder, { nowMs, trustDomain: WEST }),
        /is the trust folder of east\.mesh\.example, not of west/,
      );
    });

    it('with the bundle of another clusterset', async (t) => {
      const folder = await founded(t);
      const foreign = await founded(t);
      await copyFile(path(foreign, TRUST_FILE.bundle), path(folder, TRUST_FILE.bundle));
      await refused(
        loadTrustFolder(folder, { nowMs }),
        /intermediate\.pem: does not lead to a root of the trusted bundle/,
      );
    });

    it('that is not there', async (t) => {
      await refused(loadTrustFolder(join(tempFolder(t), 'nowhere'), { nowMs }), /does not exist/);
    });
  });
});

async function refused(action: Promise<unknown>, expected: RegExp): Promise<void> {
  await assert.rejects(action, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, expected);
    assert.ok(error.hint, 'no hint');
    assert.doesNotMatch(`${error.message} ${error.hint}`, /BEGIN|MIG|[A-Za-z0-9+/]{60}/);
    return true;
  });
}

async function contents(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')])),
  );
}
