import assert from 'node:assert/strict';
import { mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { FileProvider } from '../file-provider.ts';

const TOO_LARGE_BYTES = 65 * 1024 * 1024;

function access(name: string, action = 'Allow', target = name): string {
  return `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: ${name}, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: ${target} }]
  rules: [{ action: ${action}, principals: ["spiffe://east.mesh.example/ns/shop/sa/till"] }]
`;
}

/** Its syntax is broken, so that what it is can only be guessed. */
function unparsable(text: string): string {
  return `${text}  : [\n`;
}

const SERVICE =
  'apiVersion: v1\nkind: Service\nmetadata: { name: cart, namespace: shop }\nspec: { ports: [{ port: 80 }] }\n';
const PEER =
  'apiVersion: isthmus.io/v1alpha1\nkind: ClusterPeer\nmetadata: { name: west }\nspec: { allowedNamespaces: [shop] }\n';
const FAILOVER = `apiVersion: isthmus.io/v1alpha1
kind: FailoverPolicy
metadata: { name: f, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: cart }]
  tiers: [{ clusters: [{ name: west }] }]
  failback: { holdDown: 1h15m, interval: 90s }
  staleAfter: 1500ms
`;

/** A folder over which provider after provider is opened, as restarts do. */
class Restarts {
  readonly #t: TestContext;
  readonly folder: string;
  readonly lastGoodFile: string;

  constructor(t: TestContext) {
    this.#t = t;
    this.folder = tempFolder(t);
    this.lastGoodFile = join(tempFolder(t), 'state', 'last-good.json');
  }

  async write(name: string, ...texts: readonly string[]): Promise<void> {
    await writeFile(join(this.folder, name), texts.join('---\n'));
  }

  async open(): Promise<FileProvider> {
    const { folder, lastGoodFile } = this;
    const home = { region: 'eu', zone: 'eu-a' };
    const provider = await FileProvider.open({ folder, lastGoodFile, clock: SYSTEM_CLOCK, home });
    this.#t.after(() => provider.close());
    await provider.ready;
    return provider;
  }

  /** Runs once over what the folder holds, and ends. */
  async run(): Promise<void> {
    await (await this.open()).close();
  }
}

/** The actions that hold for a service of the namespace shop. */
function actions(provider: FileProvider, service: string): string[] {
  return [...provider.accessPolicies.values()]
    .filter(({ target }) => (target.namespace ?? 'shop') === 'shop' && (target.name ?? service) === service)
    .flatMap(({ rules }) => rules.map(({ action }) => action));
}

test('after a restart over broken files the last good versions are in force, as they were', async (t) => {
  const restarts = new Restarts(t);
  await restarts.write('a.yaml', access('pay'), SERVICE, FAILOVER, PEER);
  const before = await restarts.open();
  const failover = [...before.failoverPolicies.values()];
  const cart = before.services.get('shop/cart');
  await before.close();
  assert.equal((await stat(restarts.lastGoodFile)).mode & 0o777, 0o600);
  await restarts.write(
    'a.yaml',
    access('pay', 'Alow'),
    SERVICE.replace('port: 80', 'port: 0'),
    FAILOVER.replace('1h15m', 'long'),
    PEER.replace('allowedNamespaces', 'allowedNamespace'),
  );
  for (const run of ['the first', 'one that found them on disk itself']) {
    const after = await restarts.open();
    assert.deepEqual(actions(after, 'pay'), ['allow'], run);
    assert.deepEqual([...after.failoverPolicies.values()], failover, run);
    assert.deepEqual(after.services.get('shop/cart'), cart, run);
    assert.deepEqual(after.peerRules.get('west')?.allowedNamespaces, ['shop'], run);
    const hints = after.problems.value.map(({ hint }) => hint ?? '');
    assert.ok(hints.length >= 4 && hints.every((hint) => /last good version stays in force/.test(hint)));
    await after.close();
  }
});

test('a file that cannot be read at all after a restart stays in force, if all of it was known', async (t) => {
  const restarts = new Restarts(t);
  await restarts.write('a.yaml', access('pay'));
  await restarts.write('b.yaml', access('till'), access('cart', 'Alow'));
  await restarts.run();
  await truncate(join(restarts.folder, 'a.yaml'), TOO_LARGE_BYTES);
  const known = await restarts.open();
  assert.deepEqual(actions(known, 'pay'), ['allow']);
  assert.deepEqual(actions(known, 'other'), []);
  await known.close();
  await truncate(join(restarts.folder, 'b.yaml'), TOO_LARGE_BYTES);
  const half = await restarts.open();
  assert.deepEqual(actions(half, 'till').sort(), ['allow', 'deny']);
  assert.deepEqual(actions(half, 'other'), ['deny']);
});

test('what was removed while nobody looked stays gone', async (t) => {
  const restarts = new Restarts(t);
  await restarts.write('a.yaml', access('pay'));
  await restarts.write('b.yaml', access('cart'), access('till'));
  await restarts.run();
  await rm(join(restarts.folder, 'a.yaml'));
  await restarts.write('b.yaml', access('till'));
  const provider = await restarts.open();
  assert.deepEqual([actions(provider, 'pay'), actions(provider, 'cart')], [[], []]);
  await restarts.write('a.yaml', access('pay', 'Alow'));
  while (provider.problems.value.length === 0) await sleep(5);
  assert.deepEqual(actions(provider, 'pay'), []);
  await provider.close();
  assert.equal((await readFile(restarts.lastGoodFile, 'utf8')).includes('/pay'), false);
});

test('a new rule that never was good closes after a restart, whatever else its file held', async (t) => {
  const cases: readonly (readonly [
    string,
    readonly string[],
    readonly string[],
    Record<string, string[]>,
  ])[] = [
    ['beside a good service', [SERVICE], [SERVICE, access('pay', 'Alow')], { pay: ['deny'] }],
    ['in place of a service', [SERVICE], [unparsable(access('pay'))], { pay: ['deny'] }],
    [
      'in place of another rule',
      [access('cart')],
      [unparsable(access('pay'))],
      { cart: ['allow', 'deny'], pay: ['deny'] },
    ],
    [
      'beside another broken rule',
      [access('cart')],
      [access('cart', 'Alow'), access('pay', 'Alow')],
      { cart: ['allow'], pay: ['deny'] },
    ],
    [
      'of two without a name, one is new',
      [access('cart')],
      [access('cart').replace('name: cart', 'nam: cart'), access('pay').replace('name: pay', 'nam: pay')],
      { cart: ['allow'], pay: ['deny'] },
    ],
    [
      'a broken version of a rule with broken syntax is none',
      [access('cart')],
      [unparsable(access('cart'))],
      { cart: ['allow'], pay: [] },
    ],
  ];
  for (const [what, before, after, expected] of cases) {
    const restarts = new Restarts(t);
    await restarts.write('a.yaml', ...before);
    await restarts.run();
    await restarts.write('a.yaml', ...after);
    const provider = await restarts.open();
    for (const [service, rules] of Object.entries(expected)) {
      assert.deepEqual(actions(provider, service).sort(), rules, `${what}: ${service}`);
    }
    await provider.close();
  }
});

test('what was closed at the start stays closed when its document loses its syntax while it runs', async (t) => {
  const restarts = new Restarts(t);
  await restarts.write('a.yaml', SERVICE, access('pay', 'Alow'));
  const provider = await restarts.open();
  assert.deepEqual(actions(provider, 'pay'), ['deny']);
  await restarts.write('a.yaml', unparsable(access('pay')));
  // The service is kept, for the broken document may be it; the rule must not count as kept for that.
  while (!provider.problems.value.some(({ message }) => !message.includes('action'))) await sleep(5);
  assert.ok(provider.services.has('shop/cart'));
  assert.deepEqual(actions(provider, 'pay'), ['deny']);
});

test('a damaged file of last good versions is said, and counts as none', async (t) => {
  const good = new Restarts(t);
  await good.write('a.yaml', access('pay'));
  await good.run();
  const text = await readFile(good.lastGoodFile, 'utf8');
  const damages = [
    text.slice(0, -10),
    text.replace('"version":1', '"version":2'),
    text.replace('"action":"Allow"', '"action":"Alow"'),
    text.replace('"kind":"AccessPolicy"', '"kind":"toString"'),
  ];
  await good.write('a.yaml', access('pay', 'Alow'));
  for (const damage of damages) {
    assert.notEqual(damage, text);
    await writeFile(good.lastGoodFile, damage);
    const provider = await good.open();
    assert.deepEqual(actions(provider, 'pay'), ['deny']);
    const problem = provider.problems.value.find(({ where }) => where === good.lastGoodFile);
    assert.match(problem?.message ?? '', /^the last good versions of an earlier process cannot be read: \S/);
    await provider.close();
  }
});

test('an object that this release does not read takes no other last good version with it', async (t) => {
  const restarts = new Restarts(t);
  await restarts.write('a.yaml', access('pay'), FAILOVER);
  await restarts.run();
  const text = await readFile(restarts.lastGoodFile, 'utf8');
  const older = text.replace('"staleAfter":"1s500ms"', '"staleAfter":"87600h"');
  assert.notEqual(older, text);
  await writeFile(restarts.lastGoodFile, older);
  await restarts.write('a.yaml', access('pay', 'Alow'), FAILOVER.replace('1500ms', '87600h'));
  const provider = await restarts.open();
  assert.deepEqual(actions(provider, 'pay'), ['allow']);
  assert.equal(provider.failoverPolicies.size, 0);
  const problem = provider.problems.value.find(({ where }) => where === restarts.lastGoodFile);
  assert.match(problem?.message ?? '', /cannot be read: /);
});

test('last good versions that cannot be saved are a problem until they can', async (t) => {
  const restarts = new Restarts(t);
  await restarts.write('a.yaml', access('pay'));
  await mkdir(restarts.lastGoodFile, { recursive: true });
  const provider = await restarts.open();
  const unsaved = () => provider.problems.value.find(({ message }) => message.includes('cannot be saved'));
  while (unsaved() === undefined) await sleep(5);
  await rm(restarts.lastGoodFile, { recursive: true });
  while (unsaved() !== undefined) await sleep(50);
  assert.match(await readFile(restarts.lastGoodFile, 'utf8'), /AccessPolicy/);
});
