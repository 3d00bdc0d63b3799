import { UserError } from '../../federation/model/user-error.ts';
import { isJoinRefusal } from '../folder/join.ts';

export interface JoinWait {
  readonly timeoutMs: number;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly progress: (doing: string) => void;
}

const AGAIN_MS = 2_000;

/**
 * Gateways that were just started are not reached at once, so what fails is tried again; a token that is refused, or no
 * token, stays so. The last failure counts when the time is over.
 */
export async function untilJoined<T>(join: () => Promise<T>, wait: JoinWait): Promise<T> {
  const endsMs = wait.now() + wait.timeoutMs;
  for (;;) {
    try {
      return await join();
    } catch (failure) {
      if (!(failure instanceof UserError) || failure.exitCode === 2 || isJoinRefusal(failure)) throw failure;
      if (wait.now() + AGAIN_MS > endsMs) throw failure;
      wait.progress(`not yet: ${failure.message.replaceAll('\n', ' ')}`);
      await wait.sleep(AGAIN_MS);
    }
  }
}
