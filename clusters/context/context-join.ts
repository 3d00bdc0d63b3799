import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandOutput } from '../commands/command-output.ts';
import { untilJoined } from '../commands/join-wait.ts';
import type { OpenRelease } from './open-release.ts';
import { accepted } from './release-program.ts';

export interface ContextJoin {
  readonly token: string;
  readonly cluster: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** `isthmus cluster join --context`: waits for gateways that are not there yet, its own and the trust home's. */
export async function joinByContext(
  { site, release }: OpenRelease,
  { token, cluster = release.cluster, timeoutMs, signal }: ContextJoin,
  output: CommandOutput,
): Promise<void> {
  const args = ['cluster', 'join', '-', '--cluster', cluster, '--output', output.format];
  const ran = await untilJoined(
    async () => accepted(await site.run(release, args, token), { release }, token),
    {
      timeoutMs,
      now: () => performance.now(),
      sleep: (ms) => sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted()),
      progress: (doing) => output.progress(doing),
    },
  );
  output.passOn(ran.stdout);
  if (ran.stderr.trim() !== '') output.remark(ran.stderr.trim());
}
