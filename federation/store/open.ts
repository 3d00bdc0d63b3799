import type { Clock } from '../runtime/clock.ts';
import type { StoreDriver } from './driver.ts';
import { RemoteMemoryDriver } from './memory/remote-driver.ts';
import type { ProbeTiming } from './probe.ts';
import type { RedisLocation } from './redis/location.ts';
import { RedisDriver } from './redis/redis-driver.ts';

/** Which store a clusterset uses, with the secrets already read from their files. */
export type StoreConfig =
  | { readonly kind: 'memory' /** `host:port` of the store process. */; readonly address: string }
  | ({ readonly kind: 'redis' } & RedisLocation);

export interface OpenStoreOptions {
  readonly clusterset: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** How often the store is asked whether it is there; undefined = each second. */
  readonly probe?: ProbeTiming;
}

/**
 * Begins to connect; whether the store answers shows in the driver's `state`, and `check` waits for it.
 * @throws UserError when the configuration itself is wrong.
 */
export function openStore(config: StoreConfig, options: OpenStoreOptions): StoreDriver {
  switch (config.kind) {
    case 'memory':
      return new RemoteMemoryDriver({ ...options, address: config.address });
    case 'redis':
      return new RedisDriver({ ...options, location: config });
  }
}
