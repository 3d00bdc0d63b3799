import type { Logger } from 'pino';
import type { ExportConflict } from './import/export-conflict.ts';
import type { LogPace } from './log-pace.ts';
import type { ClusterName } from './model/cluster.ts';
import type { ServiceKey } from './model/service.ts';

/** Tells of what peers, services and gateways can make alternate: at the log's pace. */
export class RoutingLog {
  readonly #log: Logger;
  readonly #pace: LogPace;

  constructor(log: Logger, pace: LogPace) {
    this.#log = log;
    this.#pace = pace;
  }

  /** @param refusal of a record, why this cluster does not take it */
  refusedRecord(cluster: ClusterName, refusal: object): void {
    this.#tell('warn', `${cluster}: record`, refusal, 'a record of a peer is ignored');
  }

  conflicts(service: ServiceKey, conflicts: readonly ExportConflict[]): void {
    const subject = `${service}: conflicts`;
    if (conflicts.length > 0)
      this.#tell('warn', subject, { service, conflicts }, 'exports of a service disagree');
    else this.#tell('info', subject, { service }, 'exports of a service agree again');
  }

  /** @param reason undefined when it is served again */
  omission(service: ServiceKey, reason: string | undefined): void {
    const subject = `${service}: omission`;
    if (reason === undefined)
      this.#tell('info', subject, { service }, 'the service is fit to be served again');
    else this.#tell('warn', subject, { service, reason }, 'a service is not served');
  }

  #tell(level: 'warn' | 'info', subject: string, about: object, message: string): void {
    this.#pace.tell(subject, (suppressed) =>
      this.#log[level](suppressed === 0 ? about : { ...about, suppressed }, message),
    );
  }
}
