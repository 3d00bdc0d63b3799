import { destination } from 'pino';
import { REQUEST_FAILURES } from '../../federation/model/errors.ts';
import { flagsText } from '../../federation/model/marks.ts';
import type { AccessLogConfig } from '../config.ts';
import type { RequestFacts } from './request-facts.ts';

/** Writes up to this size are whole lines and do not mix with another worker's in a pipe (PIPE_BUF). */
const ATOMIC_PIPE_BYTES = 4096;
/** A file that is only appended to takes any write whole; each costs a way through the thread pool. */
const FILE_WRITE_BYTES = 64 * 1024;
/** What may wait for a slow disk or reader; lines beyond are dropped, for serving goes before logging. */
const MAX_WAITING_BYTES = 1024 * 1024;
const FLUSH_INTERVAL_MS = 1000;
const NOTHING = Buffer.alloc(0);

/**
 * JSON lines, one per sampled request. Lines wait in memory for up to a second. They go to pino's destination directly, as
 * bytes: through its logger, as text, a line cost as much as two requests.
 */
export class AccessLog {
  readonly #sample: number;
  readonly #file: string;
  readonly #destination: ReturnType<typeof destination>;
  /** Grows by the sampling share with each request; each whole one is a line. */
  #credit = 0;
  /** The reopening under way, and those that wait for it. */
  #reopened: Promise<void> = Promise.resolve();

  /** `onProblem` is told when lines are lost, with the reason. */
  constructor(config: AccessLogConfig, onProblem: (reason: string) => void) {
    this.#sample = config.sample;
    this.#file = config.file;
    const writeBytes = config.file === '-' ? ATOMIC_PIPE_BYTES : FILE_WRITE_BYTES;
    this.#destination = destination({
      dest: config.file === '-' ? 1 : config.file,
      sync: false,
      minLength: writeBytes / 2,
      maxWrite: writeBytes,
      maxLength: MAX_WAITING_BYTES,
      periodicFlush: FLUSH_INTERVAL_MS,
      mkdir: true,
      // As text, each line counts the bytes of all that wait.
      contentMode: 'buffer',
    });
    this.#destination.on('error', (error: Error) => onProblem(error.message));
    this.#destination.on('drop', () => onProblem('it is written more slowly than requests come'));
  }

  /** True when the request that ends now is to be written. */
  takes(): boolean {
    this.#credit += this.#sample;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  write(facts: RequestFacts): void {
    this.#write(Buffer.from(`${JSON.stringify(accessRecord(facts))}\n`));
  }

  /** Resolves when the lines so far are with the operating system. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      // While its file is being opened, a destination for bytes throws when it is to flush nothing at all.
      this.#write(NOTHING);
      this.#destination.flush((error) => (error ? reject(error) : resolve()));
    });
  }

  /** Begins a new file, after the old one was moved away; resolves when the lines so far are in the old one. */
  async reopen(): Promise<void> {
    if (this.#file === '-') return;
    // One after the other, for the same reason.
    const reopened = this.#reopened.then(() => this.#beginFile());
    this.#reopened = reopened.catch(() => {
      // It is told to who asked for that one.
    });
    await reopened;
  }

  async #beginFile(): Promise<void> {
    await this.flush();
    const { promise, resolve } = Promise.withResolvers<void>();
    const opened = (): void => {
      this.#destination.off('ready', opened).off('error', opened);
      resolve();
    };
    // What went wrong is told by the listener that is always there.
    this.#destination.on('ready', opened).on('error', opened);
    this.#destination.reopen();
    await promise;
  }

  #write(bytes: Buffer): void {
    // Its types know of text alone.
    Reflect.apply(this.#destination.write, this.#destination, [bytes]);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#destination.once('close', resolve);
      this.#destination.end();
    });
  }
}

/** The line's fields. The path goes without its query, which may hold secrets. */
export function accessRecord(facts: RequestFacts): Readonly<Record<string, string | number | undefined>> {
  return {
    log: 'access',
    time: new Date(facts.startedAtMs).toISOString(),
    protocol: facts.protocol,
    method: facts.method,
    authority: facts.authority,
    path: facts.path?.split('?', 1)[0],
    status: facts.status,
    flags: flagsText(
      facts.failure === undefined ? undefined : REQUEST_FAILURES[facts.failure].flag,
      facts.marks,
    ),
    service: facts.target,
    sourceCluster: facts.sourceCluster,
    destinationCluster: facts.destinationCluster,
    locality: facts.locality,
    endpoint: facts.endpoint,
    upstreamTransportFailureReason: facts.upstreamTransportFailureReason,
    caller: facts.caller,
    callerByAddress: facts.callerByAddress,
    remoteAddress: facts.remoteAddress,
    requestBytes: facts.requestBytes,
    responseBytes: facts.responseBytes,
    durationMs: Math.round(facts.durationMs * 1000) / 1000,
    attempts: facts.attempts,
    accessFinding: facts.accessFinding,
    requestId: facts.requestId,
  };
}
