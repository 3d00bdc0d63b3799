import assert from 'node:assert/strict';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AccessRule, EVERY_REQUEST } from '../../federation/model/policy.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { FileProvider } from '../file-provider.ts';
import type { AccessPolicy } from '../provider.ts';

const ALLOW = '{ action: Allow, principals: ["spiffe://east.mesh.example/ns/shop/sa/till"] }';
const CLOSED: readonly AccessRule[] = [{ ...EVERY_REQUEST, action: 'deny' }];

function accessPolicy(
  rule: string,
  target = '{ kind: Service, name: pay }',
  metadata = '{ name: p, namespace: shop }',
) {
  return `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: ${metadata}
spec:
  targetRefs: [${target}]
  rules: [${rule}]
`;
}

function peer(field: string, metadata = '{ name: west }'): string {
  return `apiVersion: isthmus.io/v1alpha1\nkind: ClusterPeer\nmetadata: ${metadata}\nspec: { ${field}: [shop] }\n`;
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

async function started(t: TestContext, folder: string): Promise<FileProvider> {
  const home = { region: 'eu', zone: 'eu-a' };
  const lastGoodFile = join(tempFolder(t), 'last-good.json');
  const provider = await FileProvider.open({ folder, lastGoodFile, clock: SYSTEM_CLOCK, home });
  t.after(() => provider.close());
  await provider.ready;
  return provider;
}

async function startedWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<FileProvider> {
  const folder = tempFolder(t);
  await write(folder, files);
  return started(t, folder);
}

/** The rules that hold for some services. */
function rulesOf(provider: FileProvider, ...keys: readonly string[]): (readonly AccessRule[])[] {
  const policies = [...provider.accessPolicies.values()];
  return keys.map((key) => {
    const [namespace, name] = key.split('/');
    const holds = ({ target }: AccessPolicy): boolean =>
      (target.namespace ?? namespace) === namespace && (target.name ?? name) === name;
    return policies.filter(holds).flatMap(({ rules }) => rules);
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

test('a policy that cannot be read at the start lets nobody in to its targets until it is mended', async (t) => {
  const folder = tempFolder(t);
  await write(folder, { 'p.yaml': accessPolicy(ALLOW.replace('Allow', 'Alow')) });
  const provider = await started(t, folder);
  assert.deepEqual(rulesOf(provider, 'shop/pay', 'shop/cart'), [CLOSED, []]);
  const [problem] = provider.problems.value;
  assert.match(problem?.where ?? '', /^p\.yaml:6$/);
  assert.match(problem?.hint ?? '', /no last good version: until this is mended nobody may call shop\/pay/);
  await write(folder, {
    'p.yaml': accessPolicy(ALLOW.replace('Allow', 'Aloww'), '{ kind: Service, name: cart }'),
  });
  await until(() => rulesOf(provider, 'shop/cart')[0]?.length === 1);
  assert.deepEqual(rulesOf(provider, 'shop/cart'), [CLOSED]);
  let told = false;
  provider.watch((change) => {
    told ||= change.kind === 'policies';
  });
  await write(folder, { 'p.yaml': accessPolicy(ALLOW) });
  await until(() => told);
  assert.equal(rulesOf(provider, 'shop/pay')[0]?.[0]?.action, 'allow');
});

test('a policy whose targets cannot be told closes its namespace, or everything', async (t) => {
  const cases: readonly [string, readonly (readonly AccessRule[])[]][] = [
    [accessPolicy(ALLOW, '{ kind: Service, nam: pay }'), [CLOSED, CLOSED, []]],
    [accessPolicy(ALLOW).replace('kind: AccessPolicy', 'kind: AccesPolicy'), [CLOSED, [], []]],
    [`${accessPolicy(ALLOW)}  : [`, [CLOSED, CLOSED, []]],
    [accessPolicy(ALLOW, undefined, '{ name: p, namespace: shop'), [CLOSED, CLOSED, []]],
    [accessPolicy(ALLOW, undefined, '{ name: p, namespace: 7 }'), [CLOSED, CLOSED, CLOSED]],
    [accessPolicy(ALLOW).replace('metadata:', 'metdata:'), [CLOSED, CLOSED, CLOSED]],
    // It says itself that it denies nobody, as long as it can be read that far.
    [accessPolicy(ALLOW.replace('Allow', 'Alow')).replace('spec:', 'spec:\n  mode: Audit'), [[], [], []]],
    [`${accessPolicy(ALLOW).replace('spec:', 'spec:\n  mode: Audit')}  : [`, [CLOSED, CLOSED, []]],
  ];
  for (const [text, expected] of cases) {
    const provider = await startedWith(t, { 'p.yaml': text });
    assert.deepEqual(rulesOf(provider, 'shop/pay', 'shop/cart', 'bank/till'), expected, text);
  }
});

test('a route that cannot be read has rules too, and closes nothing', async (t) => {
  const route = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: shop }
spec: { parentRefs: [{ group: "", kind: Service, name: pay }], rules: [{ matches: wrong }] }
`;
  const provider = await startedWith(t, { 'r.yaml': route });
  assert.equal(provider.problems.value.length, 1);
  assert.deepEqual(rulesOf(provider, 'shop/pay'), [[]]);
});

test('a peer that cannot be read at the start may offer in no namespace', async (t) => {
  const folder = tempFolder(t);
  await write(folder, {
    'peers/x.yaml': peer('allowedNamespace'),
    'peers/south.yaml': peer('allowedNamespaces', '{ nam: south }'),
  });
  const provider = await started(t, folder);
  assert.deepEqual(provider.peerRules.get('west')?.allowedNamespaces, []);
  assert.deepEqual(provider.peerRules.get('south')?.allowedNamespaces, []);
  await rm(join(folder, 'peers/south.yaml'));
  await write(folder, { 'peers/x.yaml': peer('allowedNamespaces') });
  await until(() => provider.peerRules.get('west')?.allowedNamespaces?.[0] === 'shop');
  await until(() => !provider.peerRules.has('south'));
});

test('a file that cannot be read at the start may hold any policy', async (t) => {
  const folder = tempFolder(t);
  await write(folder, { 'p.yaml': accessPolicy(ALLOW) });
  await truncate(join(folder, 'p.yaml'), 65 * 1024 * 1024);
  const provider = await started(t, folder);
  assert.deepEqual(rulesOf(provider, 'bank/till'), [CLOSED]);
  await write(folder, { 'p.yaml': accessPolicy(ALLOW) });
  await until(() => rulesOf(provider, 'bank/till')[0]?.length === 0);
});

test('what is broken while it runs closes nothing: what was in force stays', async (t) => {
  const folder = tempFolder(t);
  await write(folder, { 'p.yaml': accessPolicy(ALLOW), 'w.yaml': peer('allowedNamespaces') });
  const provider = await started(t, folder);
  await write(folder, {
    'p.yaml': accessPolicy(ALLOW.replace('Allow', 'Alow')),
    'w.yaml': peer('allowedNamespace'),
    'new.yaml': accessPolicy('{}', '{ kind: Service, name: cart }', '{ name: new, namespace: shop }'),
  });
  await until(() => new Set(provider.problems.value.map(({ where }) => where.split(':')[0])).size === 3);
  assert.equal(rulesOf(provider, 'shop/pay')[0]?.[0]?.action, 'allow');
  assert.deepEqual(rulesOf(provider, 'shop/cart'), [[]]);
  assert.deepEqual(provider.peerRules.get('west')?.allowedNamespaces, ['shop']);
});

test('a service that is broken at the start is said not to be offered', async (t) => {
  const text = 'apiVersion: v1\nkind: Service\nmetadata: { name: pay }\nspec: { ports: [{ port: 0 }] }\n';
  const provider = await startedWith(t, { 's.yaml': text });
  assert.deepEqual(
    provider.problems.value.map(({ hint }) => hint),
    ['there is no last good version: until this is mended the service is not offered'],
  );
});

function trafficPolicy(spec: string, kind = 'TrafficPolicy'): string {
  return `apiVersion: isthmus.io/v1alpha1
kind: ${kind}
metadata: { name: p, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: pay }]
  ${spec}
`;
}

test('a policy that asks for TLS and cannot be read at the start lets nobody call in plaintext', async (t) => {
  for (const text of [
    trafficPolicy('upstreamTls: { mode: Disable }'),
    trafficPolicy('upstreamTLS: { mode: Mutual }'),
    trafficPolicy('upstreamTls: { mode: Mutual }', 'TraficPolicy'),
    trafficPolicy('upstreamTsl: { mode: Mutual }'),
  ]) {
    const provider = await startedWith(t, { 'p.yaml': text });
    assert.deepEqual(rulesOf(provider, 'shop/pay', 'shop/cart'), [CLOSED, []], text);
    assert.match(
      provider.problems.value[0]?.hint ?? '',
      /until this is mended nobody may call shop\/pay, for it would be in plaintext$/,
    );
  }
  const harmless = await startedWith(t, { 'p.yaml': trafficPolicy('loadBalancing: { type: Fast }') });
  assert.deepEqual(rulesOf(harmless, 'shop/pay'), [[]]);
  // What is lost of its syntax may be what asked for TLS.
  for (const text of [
    trafficPolicy('upstreamTls: { mode: Mutual'),
    trafficPolicy('\tupstreamTls:\n\t  mode: Mutual'),
    trafficPolicy('upstreamTls: "'),
    trafficPolicy('upstreamTls: &a { mode: *b }'),
    trafficPolicy('} upstreamTls: { mode: Mutual }'),
  ]) {
    const provider = await startedWith(t, { 'p.yaml': text });
    assert.deepEqual(rulesOf(provider, 'shop/pay', 'shop/cart'), [CLOSED, CLOSED], text);
  }
});

test('a policy that asks for TLS stays in force when it breaks, also over a start', async (t) => {
  const folder = tempFolder(t);
  await write(folder, { 'p.yaml': trafficPolicy('upstreamTls: { mode: Mutual }') });
  const lastGoodFile = join(tempFolder(t), 'last-good.json');
  const home = { region: 'eu', zone: 'eu-a' };
  const open = async (): Promise<FileProvider> => {
    const provider = await FileProvider.open({ folder, lastGoodFile, clock: SYSTEM_CLOCK, home });
    await provider.ready;
    return provider;
  };
  const first = await open();
  await write(folder, { 'p.yaml': trafficPolicy('upstreamTls: { mode: Mutal }') });
  await until(() => first.problems.value.length === 1);
  const modes = (provider: FileProvider) =>
    [...provider.trafficPolicies.values()].map(({ upstreamTls }) => upstreamTls?.mode);
  assert.deepEqual(modes(first), ['mutual']);
  await first.close();
  const second = await open();
  t.after(() => second.close());
  assert.deepEqual(modes(second), ['mutual']);
  assert.deepEqual(rulesOf(second, 'shop/pay'), [[]]);
});
