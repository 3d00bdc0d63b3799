import { z } from 'zod';
import type { ListenAddress } from '../config.ts';
import { hostPort } from '../model/endpoint.ts';
import { UserError } from '../model/user-error.ts';
import { LEAVE_ANSWER_MS, LEAVE_HEADER, OTHER_REPLICA } from './leave-request.ts';
import type { ServiceReport } from './service-report.ts';
import type { FederationState } from './state-report.ts';

const TIMEOUT_MS = 5000;
/** Longer than the service itself takes. */
const LEAVE_TIMEOUT_MS = LEAVE_ANSWER_MS + TIMEOUT_MS;

/** Enough to tell a federation service from whatever else may have taken the port. */
const stateShape = z.looseObject({
  cluster: z.string(),
  readiness: z.looseObject({ kind: z.enum(['starting', 'degraded', 'ready']) }),
  store: z.looseObject({ state: z.enum(['up', 'down']) }),
  peers: z.array(z.looseObject({ cluster: z.string() })),
  onlyHere: z.array(z.string()),
});

const leaveAnswer = z.object({
  left: z.boolean(),
  reason: z.string().optional(),
  code: z.string().optional(),
});

/** Whether the store took a cluster's last word. */
export type LeaveOutcome =
  | { readonly kind: 'left' }
  | { readonly kind: 'pending' | 'other-replica'; readonly reason: string };

/**
 * Tells a running federation service that its cluster leaves the clusterset.
 * @throws UserError when it does not answer, or refuses.
 */
export async function askToLeave(admin: ListenAddress, cluster: string): Promise<LeaveOutcome> {
  const { status, answer } = await postLeave(admin, cluster);
  const { left, reason = 'it does not say why', code } = answer;
  if (left) return { kind: 'left' };
  if (status === 202) return { kind: 'pending', reason };
  const refusal = `the federation service on ${hostPort(admin.host, admin.port)} refused: ${reason}`;
  if (code === OTHER_REPLICA) return { kind: 'other-replica', reason: refusal };
  throw new UserError(refusal, { hint: 'ask the federation service of the cluster that is to leave' });
}

async function postLeave(
  admin: ListenAddress,
  cluster: string,
): Promise<{ readonly status: number; readonly answer: z.infer<typeof leaveAnswer> }> {
  try {
    const response = await fetch(`http://${hostPort(admin.host, admin.port)}/leave`, {
      method: 'POST',
      headers: { [LEAVE_HEADER]: cluster },
      signal: AbortSignal.timeout(LEAVE_TIMEOUT_MS),
    });
    return { status: response.status, answer: leaveAnswer.parse(await response.json()) };
  } catch (failure) {
    throw noAnswer(admin, failure);
  }
}

/** Asks a running federation service for its state. @throws UserError when it does not answer. */
export async function askState(admin: ListenAddress): Promise<FederationState> {
  return (await page(admin, '/state', stateShape)) as unknown as FederationState;
}

const servicesShape = z.looseObject({
  services: z.array(z.looseObject({ service: z.string(), clusters: z.array(z.unknown()) })),
});

/** Asks a running federation service for the clusterset's services. @throws UserError when it does not answer. */
export async function askServices(admin: ListenAddress): Promise<readonly ServiceReport[]> {
  const { services } = await page(admin, '/services', servicesShape);
  return services as unknown as readonly ServiceReport[];
}

async function page<T>(admin: ListenAddress, path: string, shape: z.ZodType<T>): Promise<T> {
  const address = hostPort(admin.host, admin.port);
  try {
    const response = await fetch(`http://${address}${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status === 503) await tellWaiting(response);
    if (!response.ok) throw new Error(`it answers with status ${response.status}`);
    const answer: unknown = await response.json();
    if (!shape.safeParse(answer).success)
      throw new Error('what answers there is something else, or of another version');
    return answer as T;
  } catch (failure) {
    if (failure instanceof UserError) throw failure;
    throw noAnswer(admin, failure);
  }
}

const waiting = z.object({
  kind: z.enum(['waiting', 'starting']),
  waitingFor: z.string(),
  hint: z.string(),
});

/** @throws UserError when it says that it waits, and for what. */
async function tellWaiting(response: Response): Promise<void> {
  const said = waiting.safeParse(await response.json());
  if (!said.success) return;
  throw new UserError(`the federation service waits for ${said.data.waitingFor}`, {
    hint: said.data.hint,
    exitCode: 3,
  });
}

function noAnswer({ host, port }: ListenAddress, failure: unknown): UserError {
  return new UserError(`no federation service answers on ${hostPort(host, port)}: ${reasonOf(failure)}`, {
    hint: 'start it with `isthmus federation run --config FILE`, or name the right configuration',
    cause: failure,
  });
}

function reasonOf(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const { cause } = failure;
  return cause instanceof Error && cause.message !== '' ? cause.message : failure.message;
}
