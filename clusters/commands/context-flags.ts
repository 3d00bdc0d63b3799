import { usageError } from './usage-error.ts';

/** Flags by which a command is about a Kubernetes cluster; those beside the context say where that is found, or what goes with it. */
export interface ContextChoice {
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly namespace?: string | undefined;
  /** Further clusters that it is about. */
  readonly alsoContext?: readonly string[] | undefined;
}

/** Whether they name a cluster. @throws UserError when the context is missing to the others: they are never about what is here */
export function namesContext<T extends ContextChoice>(flags: T): flags is T & { readonly context: string } {
  if (flags.context !== undefined) return true;
  const alone = [
    ...(flags.kubeconfig === undefined ? [] : ['--kubeconfig']),
    ...(flags.namespace === undefined ? [] : ['--namespace']),
    ...(flags.alsoContext === undefined ? [] : ['--also-context']),
  ];
  if (alone.length === 0) return false;
  throw usageError(
    `${alone.join(' and ')} ${alone.length === 1 ? 'needs' : 'need'} --context`,
    'name the context of the cluster that is meant',
  );
}
