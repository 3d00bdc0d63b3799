import { join } from 'node:path';
import { UserError } from '../../federation/model/user-error.ts';
import type { StoreAdmin, StoreLocation } from '../folder/store-access.ts';
import type { DemoStore } from './demo-options.ts';
import { accepts } from './probe.ts';
import { type GroupedProcess, type ProcessNursery, siblingScript } from './process-group.ts';
import { DemoRedis } from './redis-process.ts';
import { HOST, planStorePort } from './topology.ts';

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 25;

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
  await untilListening(started, port, log);
  return { location: { kind: 'memory', address }, admin: undefined, outage: undefined };
}

async function untilListening(started: GroupedProcess, port: number, log: string): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  while (!(await accepts(HOST, port))) {
    if (!started.running || Date.now() > deadlineMs) {
      throw new UserError(`${started.name} did not start on ${HOST}:${port}`, { hint: `see ${log}` });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
