import assert from 'node:assert/strict';
import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Clock, ManualClock, SYSTEM_CLOCK } from '../federation/runtime/clock.ts';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { FileProvider } from './file-provider.ts';
import { EMPTY_SETTLE_MS } from './files/folder-watch.ts';
import type { ProviderChange } from './provider.ts';

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { ports: [{ name: http, port: 80, appProtocol: http }] }
`;
const EXPORT = `
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: { name: cart, namespace: shop, creationTimestamp: 2026-01-01T00:00:00Z }
`;

function slice(name: string, ready: boolean, address = '10.0.0.1'): string {
  return `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: shop, labels: { kubernetes.io/service-name: cart } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [${address}], zone: eu-b, conditions: { ready: ${ready} } }]
`;
}

function policy(name: string, created: string): string {
  return `
apiVersion: isthmus.io/v1alpha1
kind: FailoverPolicy
metadata: { name: ${name}, namespace: shop, creationTimestamp: ${created} }
spec: { targetRefs: [{ kind: Service, name: cart }], tiers: [{ clusters: [{ name: west }] }] }
`;
}

class Folder {
  readonly path: string;
  readonly provider: FileProvider;
  readonly changes: ProviderChange[] = [];

  constructor(path: string, provider: FileProvider) {
    this.path = path;
    this.provider = provider;
    provider.watch((change) => this.changes.push(change));
  }

  static async open(
    t: TestContext,
    files: Record<string, string>,
    clock: Clock = SYSTEM_CLOCK,
  ): Promise<Folder> {
    const path = tempFolder(t);
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    const home = { region: 'eu', zone: 'eu-a' };
    const lastGoodFile = join(tempFolder(t), 'last-good.json');
    const provider = await FileProvider.open({ folder: path, lastGoodFile, clock, home });
    t.after(() => provider.close());
    const folder = new Folder(path, provider);
    await provider.ready;
    return folder;
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.path, name), text);
  }

  get cart() {
    return this.provider.services.get('shop/cart');
  }

  get messages(): string[] {
    return this.provider.problems.value.map((problem) => `${problem.where} ${problem.message}`);
  }
}

/** Waits for a state that must come; the test runner's own limit ends a wait for one that does not. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('joins Service, ServiceExport and EndpointSlices', async (t) => {
  const folder = await Folder.open(t, {
    'a.yaml': `${SERVICE}---${EXPORT}`,
    'b.yaml': slice('cart-1', true),
  });
  const cart = folder.cart;
  assert.deepEqual(cart?.ports, [{ name: 'http', port: 80, protocol: 'http', appProtocol: 'http' }]);
  assert.equal(cart?.exportedAtMs, Date.parse('2026-01-01T00:00:00Z'));
  const [endpoint] = cart?.endpoints ?? [];
  assert.deepEqual(endpoint?.locality, { region: 'eu', zone: 'eu-b' });
  assert.deepEqual(
    [endpoint?.address, endpoint?.ports, endpoint?.state],
    ['10.0.0.1', { http: 8080 }, 'ready'],
  );
  assert.deepEqual(folder.messages, []);
});

test('follows changes, renames into place and removals', async (t) => {
  const folder = await Folder.open(t, { 'a.yaml': SERVICE, 'b.yaml': slice('cart-1', true) });
  await folder.write('b.yaml.new', slice('cart-1', false));
  await rename(join(folder.path, 'b.yaml.new'), join(folder.path, 'b.yaml'));
  await until(() => folder.cart?.endpoints[0]?.state === 'unready');
  await folder.write('c.yaml', slice('cart-2', true, '10.0.0.2'));
  await until(() => folder.cart?.endpoints.length === 2);
  await rm(join(folder.path, 'b.yaml'));
  await until(() => folder.cart?.endpoints.length === 1);
  await rm(join(folder.path, 'a.yaml'));
  await until(() => folder.cart === undefined);
  assert.ok(folder.changes.every((change) => change.kind === 'service' && change.key === 'shop/cart'));
});

test('what cannot be read is named by line and the last good version stays', async (t) => {
  const folder = await Folder.open(t, { 'a.yaml': SERVICE, 'b.yaml': slice('cart-1', true) });
  await folder.write('a.yaml', SERVICE.replace('port: 80', 'port: 99999'));
  await until(() => folder.messages.length === 1);
  assert.match(folder.messages[0] ?? '', /^a\.yaml:5 spec\.ports\.0\.port: is not a port/);
  await folder.write('b.yaml', 'kind: [');
  await until(() => folder.messages.length > 1);
  assert.equal(folder.cart?.ports[0]?.port, 80);
  assert.equal(folder.cart?.endpoints.length, 1);
  await folder.write('a.yaml', SERVICE.replace('port: 80', 'port: 81'));
  await folder.write('b.yaml', slice('cart-1', true));
  await until(() => folder.messages.length === 0);
  assert.equal(folder.cart?.ports[0]?.port, 81);
});

test('an unknown kind is a problem that suggests the known one', async (t) => {
  const folder = await Folder.open(t, { 'a.yaml': SERVICE.replace('kind: Service', 'kind: Servise') });
  assert.match(folder.messages[0] ?? '', /^a\.yaml:3 kind Servise is unknown/);
  assert.match(folder.provider.problems.value[0]?.hint ?? '', /did you mean Service\?/);
});

test('of two objects with one name the first file’s is used, and both are named', async (t) => {
  const folder = await Folder.open(t, {
    'a.yaml': SERVICE,
    'z.yaml': SERVICE.replace('port: 80', 'port: 90'),
  });
  assert.equal(folder.cart?.ports[0]?.port, 80);
  assert.match(folder.messages[0] ?? '', /^z\.yaml:\d+ Service\/shop\/cart is also in a\.yaml:\d+/);
  await rm(join(folder.path, 'a.yaml'));
  await until(() => folder.cart?.ports[0]?.port === 90);
  await until(() => folder.messages.length === 0);
});

/** On which only the test lets time pass; counts the files that it found empty. */
class EmptyFilesClock extends ManualClock {
  empty = 0;

  override after(delayMs: number, callback: () => void): () => void {
    if (delayMs === EMPTY_SETTLE_MS) this.empty++;
    return super.after(delayMs, callback);
  }
}

test('a file that an editor truncates first is not a removal', async (t) => {
  const clock = new EmptyFilesClock();
  const folder = await Folder.open(t, { 'a.yaml': SERVICE, 'b.yaml': slice('cart-1', true) }, clock);
  let emptied = false;
  folder.provider.watch(() => {
    emptied ||= folder.cart?.endpoints.length === 0;
  });
  await folder.write('b.yaml', '');
  await until(() => clock.empty > 0);
  clock.advance(EMPTY_SETTLE_MS - 1);
  await folder.write('b.yaml', slice('cart-1', false));
  await until(() => folder.cart?.endpoints[0]?.state === 'unready');
  clock.advance(EMPTY_SETTLE_MS);
  assert.equal(emptied, false);
  await folder.write('b.yaml', '');
  await until(() => {
    clock.advance(EMPTY_SETTLE_MS);
    return folder.cart?.endpoints.length === 0;
  });
});

test('policies of a kind come in the order of their precedence: the oldest first, then by name', async (t) => {
  const created = '2026-02-01T00:00:00Z';
  const folder = await Folder.open(t, {
    'a.yaml': policy('b', created),
    'b.yaml': policy('a', created),
    'c.yaml': policy('old', '2026-01-01T00:00:00Z'),
  });
  const { provider } = folder;
  assert.deepEqual(
    [...provider.failoverPolicies.values()].map((one) => one.name),
    ['old', 'a', 'b'],
  );
  const where = provider.sourceOf('FailoverPolicy/shop/old')?.where ?? '';
  assert.match(where, /^c\.yaml:\d+$/);
  assert.equal(provider.sourceOf('FailoverPolicy/shop/none'), undefined);
});

test('an export without its service offers nothing and says so', async (t) => {
  const folder = await Folder.open(t, { 'a.yaml': EXPORT });
  assert.match(folder.messages[0] ?? '', /ServiceExport shop\/cart: there is no Service/);
});

test('an export that does not say its age is as old as its file, also after a restart', async (t) => {
  const undated = EXPORT.replace(', creationTimestamp: 2026-01-01T00:00:00Z', '');
  const folder = await Folder.open(t, { 'a.yaml': SERVICE });
  const startMs = Date.now();
  await folder.write('b.yaml', undated);
  const written = new Date('2026-03-01T00:00:00Z');
  await utimes(join(folder.path, 'b.yaml'), written, written);
  const again = await FileProvider.open({
    folder: folder.path,
    lastGoodFile: join(tempFolder(t), 'last-good.json'),
    clock: SYSTEM_CLOCK,
    home: { region: 'eu', zone: 'eu-a' },
  });
  t.after(() => again.close());
  await again.ready;
  const cart = again.services.get('shop/cart');
  assert.equal(cart?.exportedAtMs, written.getTime());
  // How long news takes is measured from here: an old file is news now.
  assert.ok(cart.changedAtMs >= startMs);
});
