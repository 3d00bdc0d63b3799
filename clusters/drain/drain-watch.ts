import type { ClusterName } from '../../federation/model/cluster.ts';
import { elapsed } from '../../federation/model/elapsed.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { CommandOutput } from '../commands/command-output.ts';
import type { DrainReport } from '../commands/programs.ts';
import { type DrainSight, type DrainSite, drainOf } from './drain-site.ts';

export interface DrainClock {
  /** Monotonic, ms. */
  readonly now: () => number;
  /** @throws what ends the waiting */
  readonly sleep: (ms: number) => Promise<void>;
}

interface Watching extends DrainClock {
  readonly site: DrainSite;
  readonly output: CommandOutput;
}

const LOOK_EVERY_MS = 1000;
/** From an object to its effect it takes well under a second. */
const HEED_WITHIN_MS = 15_000;

/**
 * Waits until nothing is left of the cluster's share. What the federation service does not heed soon is an error.
 * @throws UserError with exit code 3
 */
export function followDrain(cluster: ClusterName, watching: Watching): Promise<DrainSight> {
  return follow(cluster, watching, {
    isHeeded: (drain) => drain?.kind === 'draining',
    isOver: (drain) => drain?.takenPercent === 100,
    progress: (drain, nowMs) => {
      if (drain?.kind !== 'draining') return `waiting until ${cluster}'s drain begins`;
      const left = elapsed(Math.max(0, drain.sinceMs + drain.overMs - nowMs));
      return `${cluster} has ${100 - drain.takenPercent} % of its share, nothing in ${left}`;
    },
  });
}

/** Waits until the cluster has its full share again. @throws UserError as `followDrain` */
export function followReturn(cluster: ClusterName, watching: Watching): Promise<DrainSight> {
  return follow(cluster, watching, {
    isHeeded: (drain) => drain?.kind !== 'draining',
    isOver: (drain) => drain === undefined || drain.takenPercent === 0,
    progress: (drain) => `${cluster} has ${100 - (drain?.takenPercent ?? 0)} % of its share`,
  });
}

interface Goal {
  readonly isHeeded: (drain: DrainReport | undefined) => boolean;
  readonly isOver: (drain: DrainReport | undefined) => boolean;
  readonly progress: (drain: DrainReport | undefined, nowMs: number) => string;
}

async function follow(
  cluster: ClusterName,
  { site, output, now, sleep }: Watching,
  goal: Goal,
): Promise<DrainSight> {
  const startedMs = now();
  let told = '';
  for (;;) {
    const sight = await site.sight();
    const drain = drainOf(sight, cluster);
    const heeded = goal.isHeeded(drain);
    if (heeded && goal.isOver(drain)) return sight;
    if (!heeded && now() - startedMs > HEED_WITHIN_MS) throw notHeeded(sight, cluster);
    const sentence = goal.progress(drain, sight.nowMs);
    if (sentence !== told) output.progress(sentence);
    told = sentence;
    await sleep(LOOK_EVERY_MS);
  }
}

function notHeeded({ cluster: own, resourceProblems }: DrainSight, cluster: ClusterName): UserError {
  const [problem] = resourceProblems.filter(({ message }) => message.includes('ClusterPeer'));
  const why = problem === undefined ? '' : `: ${problem.where}: ${problem.message}`;
  return new UserError(
    `the order is written, and the federation service of ${own} has not followed it in ${elapsed(HEED_WITHIN_MS)}${why}`,
    {
      hint: `is there another ClusterPeer ${cluster}? isthmus cluster check says what cannot be read`,
      exitCode: 3,
    },
  );
}
