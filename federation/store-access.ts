import { readTextFile } from './config/yaml-file.ts';
import type { StoreConfig as ConfiguredStore } from './config.ts';
import { hostPort } from './model/endpoint.ts';
import type { StoreConfig } from './store/open.ts';

/**
 * The configured store with its secrets, which lie in files of their own.
 * @throws UserError when such a file cannot be read.
 */
export async function readStoreAccess(store: ConfiguredStore): Promise<StoreConfig> {
  if (store.kind === 'memory') {
    return { kind: 'memory', address: hostPort(store.address.host, store.address.port) };
  }
  const { urls, username, passwordFile, caFile, sentinel, cluster } = store;
  return {
    kind: 'redis',
    urls,
    username,
    password: passwordFile === undefined ? undefined : (await readTextFile(passwordFile)).trim(),
    caPem: caFile === undefined ? undefined : await readTextFile(caFile),
    sentinel,
    cluster,
  };
}
