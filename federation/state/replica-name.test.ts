import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { ReplicaName } from './replica-name.ts';

describe('a replica’s name', () => {
  it('is the same after a restart in the same pod, and another in another', async (t) => {
    const folder = join(tempFolder(t), 'election');
    let processes = 0;
    const fresh = (): string => String(++processes);
    const warn = (message: string): void => assert.fail(message);
    const nameOn = async (host: string): Promise<string> => {
      const replica = await ReplicaName.open({ folder, host, fresh, warn });
      await replica.close();
      return replica.name;
    };
    assert.deepEqual(
      [await nameOn('pod-a'), await nameOn('pod-a'), await nameOn('pod-b'), await nameOn('pod-a')],
      ['pod-a_1', 'pod-a_1', 'pod-b_3', 'pod-a_4'],
    );
  });

  it('is nobody else’s while its process runs', async (t) => {
    const options = { folder: tempFolder(t), host: 'pod', fresh: () => 'x', warn: () => undefined };
    const first = await ReplicaName.open(options);
    await assert.rejects(ReplicaName.open(options), /another federation service uses/);
    await first.close();
    await (await ReplicaName.open(options)).close();
  });

  it('begins anew from what is not one, and without a disk', async (t) => {
    const folder = tempFolder(t);
    const warnings: string[] = [];
    const options = { folder, host: 'pod', fresh: () => 'x', warn: (text: string) => warnings.push(text) };
    writeFileSync(join(folder, 'replica'), 'pod_\u0000');
    const first = await ReplicaName.open(options);
    await first.close();
    assert.deepEqual([first.name, warnings], ['pod_x', []]);
    const broken = { ...options, folder: tempFolder(t) };
    mkdirSync(join(broken.folder, 'replica'));
    const second = await ReplicaName.open(broken);
    await second.close();
    assert.equal(second.name, 'pod_x');
    assert.match(warnings.join(), /name is not kept/);
  });
});
