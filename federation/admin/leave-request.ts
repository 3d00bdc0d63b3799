import type { IncomingHttpHeaders } from 'node:http';
import type { Standing } from '../model/standing.ts';
import type { PublisherState } from '../store/publisher-state.ts';
import type { FederationState } from './state-report.ts';

/** Must name the cluster. A web page cannot send it to another site without being asked first (CORS), and is refused. */
export const LEAVE_HEADER = 'isthmus-cluster';
/** The store may be away: then it is said as soon as the store is back, and nobody waits that long. */
const WAIT_MS = 10_000;
/** When an answer is there at the latest: another replica makes way, then the store takes it. */
export const LEAVE_ANSWER_MS = 2 * WAIT_MS;

/** For programs: another replica writes now, and is the one to ask. */
export const OTHER_REPLICA = 'other-replica';

export interface LeaveAnswer {
  readonly status: 200 | 202 | 400 | 409;
  readonly body: {
    readonly left: boolean;
    /** For a person. */
    readonly reason?: string;
    readonly code?: typeof OTHER_REPLICA;
  };
}

/** What a federation service does when it is told that its cluster leaves the clusterset. */
export interface Leaving {
  readonly state: () => FederationState;
  /** In an election that somebody else holds; undefined where the store alone decides who writes. */
  readonly standing: () => Standing | undefined;
  /** Makes this replica the one that publishes, as far as that can be asked for. */
  readonly takeOver: (timeoutMs: number) => Promise<boolean>;
  /** Whether the store took the last word; false when another replica came to write first. */
  readonly leave: () => Promise<boolean>;
}

/** `POST /leave`: publishes, as the cluster's last word, that it has left. */
export async function answerLeave(
  headers: IncomingHttpHeaders,
  { state, standing, takeOver, leave }: Leaving,
): Promise<LeaveAnswer> {
  const { cluster, store } = state();
  if (headers[LEAVE_HEADER] !== cluster) {
    const reason = `the header ${LEAVE_HEADER} must name the cluster, ${cluster}`;
    return { status: 400, body: { left: false, reason } };
  }
  const { publisher } = store;
  if (!isWriter(publisher.kind, standing()) && !(await takesOver(takeOver))) {
    const other = publisher.kind === 'standby' ? `publishes for ${cluster}: ${publisher.leader}` : undefined;
    return otherReplica(`another replica ${other ?? `may publish for ${cluster}, and did not make way`}`);
  }
  const { promise: late, resolve: giveUp } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => giveUp('late'), WAIT_MS);
  try {
    const outcome = await Promise.race([leave(), late]);
    if (outcome === true) return { status: 200, body: { left: true } };
    if (outcome === false) return otherReplica('another replica came to publish meanwhile: ask once more');
  } finally {
    clearTimeout(timer);
  }
  const reason = state().store.problem ?? 'the store has not taken it yet';
  return {
    status: 202,
    body: {
      left: false,
      reason: `${reason}; it is said as soon as the store takes it, unless another replica leads by then`,
    },
  };
}

/** Whoever is not may become it much later, and an order that it kept until then would be an old one. */
function isWriter(publishing: PublisherState['kind'], standing: Standing | undefined): boolean {
  if (publishing === 'standby' || standing === 'not-elected') return false;
  return standing !== 'unheard' || publishing === 'leading';
}

/** What keeps it from that is told where it is looked for: among the service's problems. */
async function takesOver(takeOver: Leaving['takeOver']): Promise<boolean> {
  try {
    return await takeOver(WAIT_MS);
  } catch {
    return false;
  }
}

function otherReplica(reason: string): LeaveAnswer {
  return { status: 409, body: { left: false, reason, code: OTHER_REPLICA } };
}
