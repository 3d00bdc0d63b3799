import type { LocalCluster } from '../model/cluster.ts';
import { UserError } from '../model/user-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { Watchable } from '../runtime/watchable.ts';
import type { StoreDriver } from './driver.ts';
import type { HeadSigner, HeadVerifier } from './head.ts';
import { PUBLISHER_DEFAULTS, StorePublisher } from './publisher.ts';

export interface TombstoneOptions {
  readonly driver: StoreDriver;
  /** The cluster that is lost; its locality is what others are told of it. */
  readonly local: LocalCluster;
  /** With an identity of that cluster. */
  readonly signer: HeadSigner;
  readonly verifier: HeadVerifier;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * Says in place of a cluster that is lost what it would say on leaving: its services are withdrawn, and its last head, which
 * stays in the store for whoever reads it later, says that it has left.
 * @throws UserError when the store has not taken it in time, or the cluster itself holds the lease
 */
export async function writeTombstone(options: TombstoneOptions): Promise<void> {
  const { clock, timeoutMs, local } = options;
  const publisher = new StorePublisher({
    ...PUBLISHER_DEFAULTS,
    ...options,
    gateways: new Watchable([]),
    bundleSequence: new Watchable(0),
    signer: new Watchable<HeadSigner | undefined>(options.signer),
    report: () => {},
  });
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const cancel = clock.after(timeoutMs, () => resolve(false));
  try {
    if (await Promise.race([publisher.leave(), late])) return;
    const { value: state } = publisher.state;
    const holder = state.kind === 'standby' ? `${state.leader} publishes for it` : undefined;
    const reason = holder ?? publisher.problem.value?.message ?? 'the store has not taken it in time';
    throw new UserError(`it cannot be said that ${local.name} is gone: ${reason}`, {
      hint:
        holder === undefined ? 'see that the store answers, and run this again' : 'is it not lost after all?',
    });
  } finally {
    cancel();
    await publisher.close();
  }
}
