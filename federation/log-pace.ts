import type { Clock } from './runtime/clock.ts';
import { TokenBucket } from './service/token-bucket.ts';

/** Writes a line; `suppressed` = how many earlier ones of the same subject were not written since the last. */
export type Say = (suppressed: number) => void;

interface Subject {
  readonly bucket: TokenBucket;
  usedAtMs: number;
  owed: Say | undefined;
  suppressed: number;
}

const LINES = { perSecond: 0.2, burst: 10 };
const LOOK_MS = 1000 / LINES.perSecond;
/** After this long without a line a subject may say a burst again, so it need not be remembered. */
const FULL_AGAIN_MS = LINES.burst * LOOK_MS;
/** More than this at once (a store may name any number of clusters) share what one may say. */
const MAX_SUBJECTS = 5000;
const OTHERS = '(others)';

/**
 * Keeps what alternates from flooding the log: each subject may say ten lines at once and one every five seconds. Of
 * what is too much only the last is kept, and said when its time comes, so the log ends with what is true.
 */
export class LogPace {
  readonly #clock: Clock;
  readonly #subjects = new Map<string, Subject>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param say is called now, or later, or never where something newer of the subject came before its time */
  tell(subject: string, say: Say): void {
    const nowMs = this.#clock.monotonic();
    const known = this.#subjects.has(subject) || this.#subjects.size < MAX_SUBJECTS;
    const entry = this.#subjects.getOrInsertComputed(known ? subject : OTHERS, () => ({
      bucket: new TokenBucket(LINES, nowMs),
      usedAtMs: nowMs,
      owed: undefined,
      suppressed: 0,
    }));
    if (entry.owed !== undefined) entry.suppressed++;
    entry.owed = say;
    settle(entry, nowMs);
    this.#cancel ??= this.#clock.after(LOOK_MS, () => this.#look());
  }

  /** Says what is owed. */
  close(): void {
    this.#cancel?.();
    for (const { owed, suppressed } of this.#subjects.values()) owed?.(suppressed);
    this.#subjects.clear();
  }

  #look(): void {
    const nowMs = this.#clock.monotonic();
    for (const [subject, entry] of this.#subjects) {
      settle(entry, nowMs);
      if (entry.owed === undefined && nowMs - entry.usedAtMs >= FULL_AGAIN_MS) this.#subjects.delete(subject);
    }
    this.#cancel = this.#subjects.size > 0 ? this.#clock.after(LOOK_MS, () => this.#look()) : undefined;
  }
}

function settle(entry: Subject, nowMs: number): void {
  const { owed, suppressed } = entry;
  if (owed === undefined || !entry.bucket.take(nowMs)) return;
  entry.owed = undefined;
  entry.suppressed = 0;
  entry.usedAtMs = nowMs;
  owed(suppressed);
}
