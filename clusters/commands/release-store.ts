import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseYaml } from '../../federation/config/yaml-file.ts';
import { readIfThere } from '../../federation/runtime/durable-file.ts';
import { readHomeFile } from '../folder/home-file.ts';
import type { StoreFlags } from './store-flags.ts';
import { usageError } from './usage-error.ts';

/** store.yaml, which the chart puts beside federation.yaml; its keys are the flags of `init`. */
const schema = z.strictObject({
  store: z.array(z.string().min(1)).max(32),
  storeCa: z.string().min(1).optional(),
  storeSentinel: z.string().min(1).optional(),
  storeCluster: z.boolean().optional(),
  storeAdminUser: z.string().min(1).optional(),
  storeAdminPasswordFile: z.string().min(1).optional(),
});

/** The store of the release that a folder is kept for; undefined where it has none. @throws UserError */
export async function releaseStore(dir: string): Promise<StoreFlags | undefined> {
  const home = await readHomeFile({ root: dir });
  if (home === undefined) return undefined;
  const path = join(dirname(home.federationFile), 'store.yaml');
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const found = parseYaml(text, path, schema);
  return found.store.length === 0 ? undefined : found;
}

/** What was said on the command line counts; else the release's own store. @throws UserError when there is neither */
export function chosenStore(flags: Partial<StoreFlags>, release: StoreFlags | undefined): StoreFlags {
  const { store } = flags;
  if (store !== undefined) return { ...flags, store };
  if (release !== undefined) return release;
  throw usageError(
    "required option '--store <url>' not specified",
    'say where the store is; in Kubernetes the chart can: store.redis.urls, or store.tryout.enabled',
  );
}
