import { join } from 'node:path';
import type { StoreAdmin, StoreLocation } from '../folder/store-access.ts';
import type { DemoStore } from './demo-options.ts';
import { untilListening } from './probe.ts';
import { type ProcessNursery, siblingScript } from './process-group.ts';
import { DemoRedis } from './redis-process.ts';
import { HOST, planStorePort } from './topology.ts';

const START_TIMEOUT_MS = 20_000;

/** The store of a running demo: where it is, who may make users in it, and how to take it away for a while. */
export interface RunningStore {
  readonly location: StoreLocation;
  readonly admin: StoreAdmin | undefined;
  /** undefined for a store that is not the demo's own. */
  readonly outage: { kill(): Promise<void>; start(): Promise<void> } | undefined;
}

export async function startStore(
  nursery: ProcessNursery,
  store: DemoStore,
  root: string,
): Promise<RunningStore> {
  switch (store.kind) {
    case 'memory':
      return startMemory(nursery, root);
    case 'own-redis': {
      const redis = new DemoRedis(nursery, join(root, 'redis'), await planStorePort());
      await redis.create();
      const admin = { username: 'default', password: redis.password };
      return { location: { kind: 'redis', urls: [redis.url] }, admin, outage: redis };
    }
    case 'foreign-redis':
      return foreignRedis(store.url);
  }
}

/** The URL's own user makes the clusters' users; its password goes into no file of theirs but the trust home's. */
function foreignRedis(text: string): RunningStore {
  const url = new URL(text);
  const admin = {
    username: decodeURIComponent(url.username) || 'default',
    password: decodeURIComponent(url.password),
  };
  url.username = '';
  url.password = '';
  const location: StoreLocation = { kind: 'redis', urls: [url.href] };
  return { location, admin, outage: undefined };
}

async function startMemory(nursery: ProcessNursery, root: string): Promise<RunningStore> {
  const port = await planStorePort();
  const address = `${HOST}:${port}`;
  const log = join(root, 'store.log');
  const args = ['federation', 'store', '--listen', address];
  const started = nursery.startScript('the memory store', siblingScript('../../cli'), args, log);
  await untilListening(started, HOST, port, { log, timeoutMs: START_TIMEOUT_MS });
  return { location: { kind: 'memory', address }, admin: undefined, outage: undefined };
}
