import type { IncomingHttpHeaders } from 'node:http';
import type { FederationState } from './state-report.ts';

/** Must name the cluster. A web page cannot send it to another site without being asked first (CORS), and is refused. */
export const LEAVE_HEADER = 'isthmus-cluster';
/** The store may be away: then it is said as soon as the store is back, and nobody waits that long. */
const WAIT_MS = 10_000;

export interface LeaveAnswer {
  readonly status: 200 | 202 | 400 | 409;
  readonly body: { readonly left: boolean; readonly reason?: string };
}

/** What a federation service does when it is told that its cluster leaves the clusterset. */
export interface Leaving {
  readonly state: () => FederationState;
  /** Resolves when the store took the last word. */
  readonly leave: () => Promise<void>;
}

/** `POST /leave`: publishes, as the cluster's last word, that it has left. */
export async function answerLeave(
  headers: IncomingHttpHeaders,
  { state, leave }: Leaving,
): Promise<LeaveAnswer> {
  const { cluster, store } = state();
  if (headers[LEAVE_HEADER] !== cluster) {
    return refused(400, `the header ${LEAVE_HEADER} must name the cluster, ${cluster}`);
  }
  if (store.publisher.kind === 'standby') {
    return refused(409, `another replica publishes for ${cluster}: ${store.publisher.leader}`);
  }
  const { promise: late, resolve: giveUp } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => giveUp('late'), WAIT_MS);
  try {
    if ((await Promise.race([leave(), late])) !== 'late') return { status: 200, body: { left: true } };
  } finally {
    clearTimeout(timer);
  }
  const reason = state().store.problem ?? 'the store has not taken it yet';
  return {
    status: 202,
    body: { left: false, reason: `${reason}; it is said as soon as the store takes it` },
  };
}

function refused(status: 400 | 409, reason: string): LeaveAnswer {
  return { status, body: { left: false, reason } };
}
