import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { Workload } from '../../federation/model/caller.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { FileProvider } from '../file-provider.ts';
import { CallerIndex } from './caller-index.ts';

type Owners = Readonly<Record<string, string>>;

function ownersIn({ callers }: { readonly callers: ReadonlyMap<string, Workload> }): Owners {
  return Object.fromEntries([...callers].map(([address, { serviceAccount }]) => [address, serviceAccount]));
}

function ownersAmong(
  pods: Iterable<{ readonly account: string; readonly addresses: readonly string[] }>,
): Owners {
  const claims = [...pods].flatMap(({ account, addresses }) =>
    addresses.map((address) => ({ account, address })),
  );
  const alone = [...Map.groupBy(claims, ({ address }) => address).values()].filter((one) => one.length === 1);
  return Object.fromEntries(alone.flat().map(({ account, address }) => [address, account]));
}

function pod(name: string, spec: string, status: string): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop }
spec: { ${spec} }
status: { ${status} }
`;
}

async function started(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = tempFolder(t);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const lastGoodFile = join(tempFolder(t), 'last-good.json');
  const home = { region: 'eu', zone: 'eu-a' };
  const provider = await FileProvider.open({ folder, lastGoodFile, clock: SYSTEM_CLOCK, home });
  t.after(() => provider.close());
  await provider.ready;
  return { folder, provider, owners: () => ownersIn(provider) };
}

test('the addresses of pods are those of their service accounts', async (t) => {
  const { owners } = await started(t, {
    'a.yaml': pod(
      'a',
      'serviceAccountName: cart',
      'podIP: 10.0.0.1, podIPs: [{ ip: 10.0.0.1 }, { ip: "fd00::1" }]',
    ),
    'b.yaml': pod('b', '', 'podIP: 10.0.0.2'),
    'pending.yaml': pod('pending', 'serviceAccountName: cart', 'phase: Pending'),
    'ended.yaml': pod('ended', 'serviceAccountName: cart', 'phase: Succeeded, podIP: 10.0.0.3'),
    'host.yaml': pod('host', 'serviceAccountName: cart, hostNetwork: true', 'podIP: 10.0.0.4'),
  });
  assert.deepEqual(owners(), { '10.0.0.1': 'cart', 'fd00::1': 'cart', '10.0.0.2': 'default' });
});

test('an address that two pods claim is nobody’s until one of them is gone, which is told', async (t) => {
  const { folder, provider, owners } = await started(t, {
    'a.yaml': pod('a', 'serviceAccountName: cart', 'podIP: 10.0.0.1'),
  });
  const told: string[] = [];
  provider.watch((change) => {
    if (change.kind === 'callers') told.push(...change.addresses);
  });
  await writeFile(join(folder, 'b.yaml'), pod('b', 'serviceAccountName: till', 'podIP: 10.0.0.1'));
  while (told.length < 1) await sleep(5);
  assert.deepEqual(owners(), {});
  await rm(join(folder, 'a.yaml'));
  while (told.length < 2) await sleep(5);
  assert.deepEqual(owners(), { '10.0.0.1': 'till' });
  assert.deepEqual(told, ['10.0.0.1', '10.0.0.1']);
});

test('whatever pods come, change and go, each address is that of the only one that claims it, and changes are told', () => {
  const claim = fc.record({
    pod: fc.constantFrom('a', 'b', 'c'),
    account: fc.constantFrom('cart', 'till'),
    addresses: fc.option(fc.subarray(['10.0.0.1', '10.0.0.2', 'fd00::1']), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(claim, { maxLength: 20 }), (claims) => {
      const index = new CallerIndex();
      const pods = new Map<string, { readonly account: string; readonly addresses: readonly string[] }>();
      let before: Owners = {};
      for (const { pod, account, addresses } of claims) {
        if (addresses === undefined) pods.delete(pod);
        else pods.set(pod, { account, addresses });
        const workload = index.workload('shop', account);
        const told = index.update([[pod, addresses && { workload, addresses }]]);
        const now = ownersAmong(pods.values());
        assert.deepEqual(ownersIn(index), now);
        const all = new Set([...Object.keys(before), ...Object.keys(now)]);
        assert.deepEqual([...told].sort(), [...all].filter((one) => before[one] !== now[one]).sort());
        before = now;
      }
    }),
  );
});

test('a service account is one object for all of its pods, and forgotten with the last', () => {
  const index = new CallerIndex();
  const first = index.workload('shop', 'cart');
  index.update([['a', { workload: first, addresses: ['10.0.0.1'] }]]);
  index.update([['b', { workload: index.workload('shop', 'cart'), addresses: ['10.0.0.2'] }]]);
  assert.deepEqual([...index.callers.values()], [first, first]);
  assert.ok([...index.callers.values()].every((workload) => workload === first));
  index.update([['a', undefined]]);
  assert.equal(index.workload('shop', 'cart'), first);
  index.update([['b', undefined]]);
  assert.notEqual(index.workload('shop', 'cart'), first);
});

test('a pod that is none is a problem', () => {
  assert.deepEqual(resourceProblems(pod('a', 'serviceAccountName: "a/b"', '')), [
    '4: spec.serviceAccountName: is not the name of a service account',
  ]);
});
