import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../federation/model/user-error.ts';
import { addressStep } from '../context/cluster-steps.ts';
import { KubernetesSite } from '../context/kubernetes-site.ts';
import { stepLine } from './check-step.ts';
import type { CommandOutput } from './command-output.ts';
import { type Registration, register } from './registration.ts';
import { parseTimeout } from './timeout-flag.ts';
import { usageError } from './usage-error.ts';

export interface RegisterFlags {
  readonly context: string;
  readonly withContext: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly clusterset: string;
  readonly timeout: string;
}

/** `isthmus cluster register NAME`: exit code 1 when it is no member, 3 when it is one and not all is well yet. */
export async function registerCommand(
  cluster: string,
  flags: RegisterFlags,
  output: CommandOutput,
  signal: AbortSignal,
): Promise<void> {
  const { context, withContext, kubeconfig, namespace, clusterset } = flags;
  const timeoutMs = parseTimeout(flags.timeout, 1_000);
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
        gatewayAddress: (site, release) => addressStep({ site: site === 'joiner' ? joiner : home, release }),
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
      exitCode: waiting ? 3 : error.exitCode === 2 ? 2 : 1,
      cause: error,
    },
  );
}
