import assert from 'node:assert/strict';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';
import { federationId, gatewayDnsName, gatewayId } from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import { ManualClock } from '../federation/runtime/clock.ts';
import type { Readable } from '../federation/runtime/watchable.ts';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { TestClusterset } from '../test/fixtures/test-clusterset.ts';
import { issueSvid } from './authority.ts';
import { parseCsr } from './csr.ts';
import { type Svid, svidFromPem } from './svid.ts';
import { SvidSource, type SvidSourceOptions } from './svid-source.ts';

const WEST = 'west.mesh.example';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const startMs = Date.UTC(2026, 5, 1);

describe('SvidSource', () => {
  let set: TestClusterset;
  before(async () => {
    set = await TestClusterset.create(['west', 'east'], { nowMs: startMs });
  });

  /** An issuer of west that can be out of order, on a clock that the test moves. */
  function bench(t: TestContext, options: Partial<SvidSourceOptions> = {}) {
    const clock = new ManualClock(startMs);
    const issuer = { calls: 0, down: false, id: gatewayId(WEST) };
    const open = (more: Partial<SvidSourceOptions> = {}): SvidSource => {
      const source = new SvidSource({
        clock,
        random: () => 0.5,
        id: gatewayId(WEST),
        dnsNames: [gatewayDnsName(WEST)],
        issue: async (csrDer) => {
          issuer.calls += 1;
          if (issuer.down) throw new Error('issuer is down');
          const { dnsNames } = parseCsr(csrDer);
          const request = { csrDer, id: issuer.id, dnsNames, nowMs: clock.now() };
          return (await issueSvid(set.authority('west'), request)).chainDer;
        },
        ...options,
        ...more,
      });
      t.after(() => source.close());
      return source;
    };
    return { clock, issuer, open };
  }

  it('has an SVID issued, with the names asked for', async (t) => {
    const { open, clock } = bench(t);
    const source = open();
    assert.equal(source.svid.value, undefined);
    assert.equal(source.expiresInMs(), undefined);
    await source.start();
    const svid = await next(source.svid);
    assert.equal(svid?.id.text, gatewayId(WEST).text);
    assert.equal(source.expiresInMs(), 24 * HOUR_MS);
    clock.advance(HOUR_MS);
    assert.equal(source.expiresInMs(), 23 * HOUR_MS);
  });

  it('keeps key and SVID on disk, for its own eyes, and starts from there', async (t) => {
    const folder = tempFolder(t);
    const { open, issuer } = bench(t, { folder });
    const source = open();
    await source.start();
    const svid = await next(source.svid);
    await source.close();
    assert.equal((await stat(join(folder, 'svid.pem'))).mode & 0o777, 0o600);
    issuer.down = true;
    const again = open();
    await again.start();
    assert.deepEqual(again.svid.value, svid);
    assert.equal(issuer.calls, 1);
  });

  for (const [random, share] of [
    [0, 0.45],
    [0.5, 0.5],
    [0.999999, 0.55],
  ] as const) {
    it(`renews at ${share} of its life where chance gives ${random}`, async (t) => {
      const { open, clock, issuer } = bench(t, { random: () => random });
      const source = open();
      await source.start();
      const first = await next(source.svid);
      assert.ok(first);
      const life = first.notAfterMs - first.notBeforeMs;
      clock.advance(first.notBeforeMs + share * life - clock.now() - MINUTE_MS);
      assert.equal(source.svid.value, first);
      clock.advance(2 * MINUTE_MS);
      const second = await next(source.svid);
      assert.equal(issuer.calls, 2);
      assert.notEqual(second?.serial, first.serial);
      assert.notEqual(second?.privateKeyPem, first.privateKeyPem);
    });
  }

  it('tries again while nobody issues, keeps the old one, and says why', async (t) => {
    const { open, clock, issuer } = bench(t);
    const source = open();
    await source.start();
    const first = await next(source.svid);
    issuer.down = true;
    for (let attempt = 1; attempt <= 8; attempt++) {
      clock.advance(attempt === 1 ? 13 * HOUR_MS : 15_000);
      await calledTimes(issuer, attempt + 1);
    }
    assert.equal(source.svid.value, first);
    assert.match(source.problem.value ?? '', /no new SVID for spiffe:.*issuer is down/);
    issuer.down = false;
    clock.advance(30_000);
    assert.notEqual(await next(source.svid), first);
    assert.equal(source.problem.value, undefined);
  });

  it('does not renew in a busy loop where the issuer ends soon', async (t) => {
    const { open, clock, issuer } = bench(t);
    const source = open({
      issue: async (csrDer) => {
        issuer.calls += 1;
        const request = { csrDer, id: gatewayId(WEST), dnsNames: [], nowMs: clock.now(), ttlMs: MINUTE_MS };
        return (await issueSvid(set.authority('west'), request)).chainDer;
      },
    });
    const waitsMs: number[] = [];
    const after = clock.after.bind(clock);
    clock.after = (delayMs, run) => {
      waitsMs.push(delayMs);
      return after(delayMs, run);
    };
    await source.start();
    await next(source.svid);
    assert.equal(waitsMs.at(-1), 5000);
  });

  it('keeps an expired SVID as its value: the holder sees that it is', async (t) => {
    const { open, clock, issuer } = bench(t);
    const source = open();
    await source.start();
    const first = await next(source.svid);
    issuer.down = true;
    clock.advance(25 * HOUR_MS);
    assert.equal(source.svid.value, first);
    assert.equal(source.expiresInMs(), -HOUR_MS);
  });

  it('gives up on an issuer that does not answer, and asks again', async (t) => {
    const { open, clock } = bench(t);
    const { issuer, asked } = silentIssuer();
    const source = open(issuer);
    await source.start();
    await asked;
    const problem = next(source.problem);
    clock.advance(30_000);
    assert.match((await problem) ?? '', /did not answer in 30 s/);
  });

  it('refuses an answer for another identity', async (t) => {
    const { open, issuer } = bench(t);
    issuer.id = federationId(WEST);
    const source = open();
    await source.start();
    assert.match((await next(source.problem)) ?? '', /asked for .*gateway, got .*federation/);
    assert.equal(source.svid.value, undefined);
  });

  it('closes while the issuer is silent', async (t) => {
    const { open } = bench(t);
    const { issuer, asked } = silentIssuer();
    const source = open(issuer);
    await source.start();
    await asked;
    await source.close();
    assert.equal(source.svid.value, undefined);
  });

  describe('on what it finds in its folder', () => {
    async function stored(t: TestContext, content: (svid: Svid) => string) {
      const folder = tempFolder(t);
      const svid = await set.svid('west', gatewayId(WEST));
      await writeFile(join(folder, 'svid.pem'), content(svid), { mode: 0o600 });
      return { folder, path: join(folder, 'svid.pem'), ...bench(t, { folder }) };
    }
    const whole = (svid: Svid): string => svid.privateKeyPem + svid.certificateChainPem;

    it('refuses the SVID of another', async (t) => {
      const other = await set.svid('east', gatewayId('east.mesh.example'));
      const { open, path } = await stored(t, () => whole(other));
      await assert.rejects(open().start(), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /belongs to spiffe:\/\/east.*this is spiffe:\/\/west/);
        assert.ok(error.message.includes(path));
        assert.ok(error.hint);
        return true;
      });
    });

    it('refuses a key that others can read', async (t) => {
      const { open, path } = await stored(t, whole);
      await chmod(path, 0o640);
      await assert.rejects(open().start(), /mode 640 lets others read the key/);
    });

    const unusable: readonly (readonly [string, (svid: Svid) => string])[] = [
      ['no PEM', () => 'nonsense'],
      ['no key', (svid) => svid.certificateChainPem],
      ['no certificate', (svid) => svid.privateKeyPem],
      ['half of it', (svid) => whole(svid).slice(0, whole(svid).length / 2)],
      ["another's key", (svid) => otherKey() + svid.certificateChainPem],
      ['a key that is none', (svid) => `${badKey()}${svid.certificateChainPem}`],
    ];
    let spare: Svid;
    before(async () => {
      spare = await set.svid('west', gatewayId(WEST));
    });
    const otherKey = (): string => spare.privateKeyPem;
    const badKey = (): string => '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';

    for (const [what, content] of unusable) {
      it(`replaces ${what}`, async (t) => {
        const { open, path } = await stored(t, content);
        const source = open();
        const problem = next(source.problem);
        await source.start();
        assert.match((await problem) ?? '', /svid\.pem: the stored SVID cannot be used/);
        const svid = source.svid.value ?? (await next(source.svid));
        const text = await readFile(path, 'utf8');
        assert.deepEqual(svidFromPem(text.slice(text.indexOf('-----BEGIN CERT')), text, startMs), svid);
      });
    }

    it('replaces an expired one', async (t) => {
      const { open, clock, issuer } = await stored(t, whole);
      clock.advance(25 * HOUR_MS);
      const source = open();
      await source.start();
      const svid = source.svid.value ?? (await next(source.svid));
      assert.equal(issuer.calls, 1);
      assert.ok(svid && svid.notAfterMs > clock.now());
    });

    it('uses an SVID that it cannot keep, and says so', async (t) => {
      const { open, folder } = await stored(t, () => 'nonsense');
      const source = open({
        issue: async (csrDer) => {
          // Where the folder was there is a file now: nothing can be written below it.
          await rm(folder, { recursive: true });
          await writeFile(folder, '');
          const request = { csrDer, id: gatewayId(WEST), dnsNames: [], nowMs: startMs };
          return (await issueSvid(set.authority('west'), request)).chainDer;
        },
      });
      await source.start();
      assert.ok(await next(source.svid));
      assert.match(source.problem.value ?? '', /could not be kept/);
    });
  });
});

/** An issuer that is asked, and says nothing. */
function silentIssuer() {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const issue = (): Promise<readonly Uint8Array[]> => {
    resolve();
    return new Promise(() => {});
  };
  return { issuer: { issue }, asked };
}

/** The value at its next change. */
function next<T>(source: Readable<T>): Promise<T> {
  return new Promise((resolve) => {
    const unwatch = source.watch((value) => {
      unwatch();
      resolve(value);
    });
  });
}

/** Resolves once the issuer was called so often, and what follows from its failure has happened. */
async function calledTimes(issuer: { readonly calls: number }, calls: number): Promise<void> {
  while (issuer.calls < calls) await turn();
  await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
