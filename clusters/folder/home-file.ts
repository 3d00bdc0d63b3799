import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { readIfThere, writeDurably } from '../../federation/runtime/durable-file.ts';
import { type FolderLayout, folderLayout } from './layout.ts';

const schema = z.strictObject({
  /** The configuration that says where the folder has its home; absolute. */
  federationFile: z.string().min(1),
});

/** home.json: that a folder is a working copy, and of what. */
export type HomeFile = z.infer<typeof schema>;

function homePath(layout: Pick<FolderLayout, 'root'>): string {
  return join(layout.root, 'home.json');
}

export async function writeHomeFile(layout: Pick<FolderLayout, 'root'>, file: HomeFile): Promise<void> {
  await writeDurably(homePath(layout), `${JSON.stringify(file)}\n`, 0o644);
}

/** undefined where the folder is its own truth. @throws UserError when the file cannot be read */
export async function readHomeFile(layout: Pick<FolderLayout, 'root'>): Promise<HomeFile | undefined> {
  const text = await readIfThere(homePath(layout));
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (failure) {
    throw new UserError(`${homePath(layout)}: does not say where the folder has its home`, {
      hint: 'the federation service writes it when it starts',
      cause: failure,
    });
  }
}

/** Where things are, for one who only looks: in Kubernetes the federation service's file is the chart's. */
export interface SightLayout extends FolderLayout {
  /** The gateways run in pods of their own, from files that are not in this folder. */
  readonly inKubernetes: boolean;
}

/** @throws UserError as `readHomeFile` */
export async function sightLayout(dir: string): Promise<SightLayout> {
  const layout = folderLayout(dir);
  const home = await readHomeFile(layout);
  if (home === undefined) return { ...layout, inKubernetes: false };
  return { ...layout, federationFile: home.federationFile, inKubernetes: true };
}
