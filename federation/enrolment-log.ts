import type { Logger } from 'pino';

/** What became of a cluster that asked to join. */
export interface EnrolmentNews {
  readonly outcome: string;
  readonly cluster: string | undefined;
  readonly remoteAddress: string;
  readonly cause?: unknown;
}

export function enrolmentLog(log: Logger): (news: EnrolmentNews) => void {
  return ({ cause, cluster: joining, ...event }) => {
    // `cluster` is what each line of this log has for the cluster itself.
    if (cause === undefined) log.info({ ...event, joining }, 'a cluster asked to join');
    else log.error({ ...event, joining, cause: String(cause) }, 'a cluster could not join');
  };
}
