import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { resourceProblems } from '../../test/fixtures/resource-problems.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { FileProvider } from '../file-provider.ts';

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
  const owners = () =>
    Object.fromEntries(
      [...provider.callers].map(([address, { serviceAccount }]) => [address, serviceAccount]),
    );
  return { folder, provider, owners };
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

test('a pod that is none is a problem', () => {
  assert.deepEqual(resourceProblems(pod('a', 'serviceAccountName: "a/b"', '')), [
    '4: spec.serviceAccountName: is not the name of a service account',
  ]);
});
