import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../federation/model/user-error.ts';
import { duration } from '../schema/duration.ts';
import { stepLine } from './check-step.ts';
import type { CommandOutput } from './command-output.ts';
import { type Registration, register } from './registration.ts';
import { KubernetesSite } from './registration-site.ts';
import { usageError } from './usage-error.ts';

export interface RegisterFlags {
  readonly context: string;
  readonly withContext: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly clusterset: string;
  readonly timeout: string;
}

const MAX_TIMEOUT_MS = 3_600_000;

/** `isthmus cluster register NAME`: exit code 1 when it is no member, 3 when it is one and not all is well yet. */
export async function registerCommand(
  cluster: string,
  flags: RegisterFlags,
  output: CommandOutput,
  signal: AbortSignal,
): Promise<void> {
  const { context, withContext, kubeconfig, namespace, clusterset } = flags;
  const timeoutMs = parseTimeout(flags.timeout);
  if (context === withContext) {
    throw usageError('--context and --with-context are the same', 'name the contexts of two clusters');
  }
  const joiner = await KubernetesSite.open(context, kubeconfig, signal);
  const home = await KubernetesSite.open(withContext, kubeconfig, signal);
  try {
    const registration = await register(
      { cluster, clusterset, namespace, timeoutMs },
      {
        joiner,
        home,
        now: () => performance.now(),
        sleep: (ms) => sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted()),
        progress: (doing) => output.progress(doing),
      },
    );
    tell(cluster, registration, output);
  } finally {
    joiner.close();
    home.close();
  }
}

/** What the signal is aborted with when the person at the terminal ends it. */
export function interruption(): UserError {
  return new UserError('interrupted', { hint: 'what is done stays done' });
}

function tell(cluster: string, registration: Registration, output: CommandOutput): void {
  const { steps, clusterset, trustHome, joined, failure } = registration;
  output.result(
    {
      ok: failure === undefined,
      cluster,
      clusterset: clusterset ?? null,
      registeredWith: trustHome ?? null,
      joined,
      steps,
    },
    () => steps.map((step) => stepLine(step, output)).join('\n'),
  );
  if (failure === undefined) return;
  const { during, error } = failure;
  const waiting = during === 'waiting';
  throw new UserError(
    waiting
      ? `${cluster} is a member, but: ${error.message}`
      : `${cluster} is not registered: ${error.message}`,
    {
      hint: `${error.hint ?? 'mend that'}; then run this again`,
      exitCode: waiting ? 3 : error.exitCode,
      cause: error,
    },
  );
}

function parseTimeout(text: string): number {
  const parsed = duration.safeParse(text);
  if (parsed.success && parsed.data >= 1_000 && parsed.data <= MAX_TIMEOUT_MS) return parsed.data;
  throw usageError(`--timeout ${text}: is not a duration from 1s to 1h`, 'for example 2m');
}
