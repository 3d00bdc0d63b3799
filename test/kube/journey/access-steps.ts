import assert from 'node:assert/strict';
import { it } from 'node:test';
import { clientPod } from '../web-manifests.ts';
import { WEB_URL, wget } from './calls.ts';
import { onlyFriends } from './policy-manifests.ts';
import type { JourneyScene } from './scene.ts';

const IN_A_ROW = 8;

/** An AccessPolicy, for clients that have no certificate: their pods' addresses say who they are. */
export function accessSteps(scene: JourneyScene): void {
  it('lets in pods of one namespace, and denies those of another, by an AccessPolicy', async () => {
    const { east } = scene;
    for (const namespace of ['friends', 'strangers']) {
      await east.kubectl(['create', 'namespace', namespace]);
      await east.apply(clientPod.replace('namespace: default', `namespace: ${namespace}`));
      await east.until(`an answer in ${namespace}`, () => wget(east, WEB_URL, namespace));
    }
    const startMs = performance.now();
    await east.apply(onlyFriends);
    await east.until('a refusal', async () => (await isRefused('strangers')) || undefined);
    console.log(`AccessPolicy -> denied: ${Math.round(performance.now() - startMs)} ms`);
    await east.until('refusals alone', async () => (await isRefusedThroughout('strangers')) || undefined);
    assert.match(await wget(east, WEB_URL, 'friends'), /^hello from web-/);
    assert.equal(await isRefused('strangers'), true);
    await east.kubectl(['delete', 'accesspolicy', 'only-friends']);
    await east.until('an answer again', () => wget(east, WEB_URL, 'strangers'));
  });

  /** By every gateway, and each of its workers: a connection may come to any of them. */
  async function isRefusedThroughout(namespace: string): Promise<boolean> {
    for (let count = 0; count < IN_A_ROW; count++) if (!(await isRefused(namespace))) return false;
    return true;
  }

  /** True = 403; any other failure is one. */
  async function isRefused(namespace: string): Promise<boolean> {
    return await wget(scene.east, WEB_URL, namespace).then(
      () => false,
      (error: unknown) => {
        if (/403 Forbidden/.test(String(error))) return true;
        throw error;
      },
    );
  }
}
