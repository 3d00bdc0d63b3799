import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '../../../federation/runtime/durable-file.ts';
import { TRUST_FILE } from '../../../trust/folder.ts';
import type { FolderLayout } from '../../folder/layout.ts';

/** A file of a cluster's folder that makes the membership, and its key in the Secret. */
interface KeptFile {
  readonly key: string;
  readonly path: string;
}

/** There where the membership is the trust home's. */
export const ROOT_KEY = `trust_${TRUST_FILE.rootKey}`;

/** By key of the Secret. */
export type KeptContent = ReadonlyMap<string, string>;

/** In the order in which they are written: what others refer to first, `cluster.yaml`, which makes it a folder, last. */
function keptFiles(layout: FolderLayout): readonly KeptFile[] {
  const trust = (name: string): KeptFile => ({ key: `trust_${name}`, path: join(layout.trust, name) });
  return [
    trust(TRUST_FILE.rootKey),
    trust(TRUST_FILE.intermediateKey),
    trust(TRUST_FILE.bundle),
    trust(TRUST_FILE.root),
    trust(TRUST_FILE.intermediate),
    trust(TRUST_FILE.request),
    { key: 'trust_store-ca.pem', path: layout.storeCaFile },
    { key: 'secrets_store-password', path: layout.storePasswordFile },
    { key: 'secrets_store-admin-password', path: layout.storeAdminPasswordFile },
    { key: 'cluster.yaml', path: layout.clusterFile },
  ];
}

export async function readKeptFiles(layout: FolderLayout): Promise<KeptContent> {
  const content = new Map<string, string>();
  for (const { key, path } of keptFiles(layout)) {
    const text = await readIfThere(path);
    if (text !== undefined) content.set(key, text);
  }
  return content;
}

/** Makes the folder's kept files be these, and no others; what is the same already is not touched. */
export async function writeKeptFiles(layout: FolderLayout, content: KeptContent): Promise<void> {
  const files = keptFiles(layout);
  // While the folder is changed from one cluster's to none's or another's it is nobody's.
  for (const { key, path } of [...files].reverse()) {
    if (!content.has(key)) await rm(path, { force: true });
  }
  for (const { key, path } of files) {
    const text = content.get(key);
    if (text !== undefined && text !== (await readIfThere(path))) await writeDurably(path, text, 0o600);
  }
}

export function sameContent(one: KeptContent, other: KeptContent): boolean {
  return one.size === other.size && [...one].every(([key, text]) => other.get(key) === text);
}

/** As the `data` of a Secret has it. */
export function secretData(content: KeptContent): Readonly<Record<string, string>> {
  return Object.fromEntries([...content].map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
}
