import type { ListenAddress } from '../config.ts';
import { hostPort } from '../model/endpoint.ts';
import { UserError } from '../model/user-error.ts';
import type { FederationState } from './state-report.ts';

const TIMEOUT_MS = 5000;

/** Asks a running federation service for its state. @throws UserError when it does not answer. */
export async function askState(admin: ListenAddress): Promise<FederationState> {
  const address = hostPort(admin.host, admin.port);
  try {
    const response = await fetch(`http://${address}/state`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`it answers with status ${response.status}`);
    return (await response.json()) as FederationState;
  } catch (failure) {
    throw new UserError(`no federation service answers on ${address}: ${reasonOf(failure)}`, {
      hint: 'start it with `isthmus federation run --config FILE`, or name the right configuration',
      cause: failure,
    });
  }
}

function reasonOf(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const { cause } = failure;
  return cause instanceof Error && cause.message !== '' ? cause.message : failure.message;
}
