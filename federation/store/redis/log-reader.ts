import type { ClusterName } from '../../model/cluster.ts';
import type { Clock } from '../../runtime/clock.ts';
import { DeadlineError, withDeadline } from '../deadline.ts';
import type { LogPosition, LogSlice } from '../driver.ts';
import { LOG_READ_COUNT, MAX_RECORD_BYTES } from '../limits.ts';
import { type Argument, RedisConnection } from './connection.ts';
import type { StoreKeys } from './keys.ts';
import type { RedisLocation } from './location.ts';
import { bytesReply, listReply, parseLogEntry, textReply } from './reply.ts';
import { ReplyBudget, ReplyTooLargeError } from './reply-budget.ts';

const SLACK_MS = 3000;
/** Of all logs together: with many peers each read takes fewer of each. */
const ENTRIES_PER_READ = 4000;
const LEAST_PER_LOG = 8;
const MAX_READ_BYTES = 16 * 1024 * 1024;
const MAX_ENTRY_BYTES = 2 * MAX_RECORD_BYTES;
/** How long a log that is none is left out before it is looked at again. */
const STRANGER_MS = 2000;

type Positions = ReadonlyMap<ClusterName, LogPosition>;

export interface LogReaderOptions {
  readonly location: RedisLocation;
  readonly random: () => number;
  readonly clock: Clock;
  readonly keys: StoreKeys;
  /** A connection that does not wait on logs. */
  readonly side: RedisConnection;
}

/**
 * Waits on all logs at once, on a connection of its own, for it blocks. One member whose log is no stream, or holds
 * entries of any size, fails the read of all: it is found and left out.
 */
export class LogReader {
  readonly #options: LogReaderOptions;
  readonly #connection: RedisConnection;
  readonly #budget: ReplyBudget;
  /** Clusters whose log cannot be read, by when it is tried again (monotonic ms). */
  readonly #strangers = new Map<ClusterName, number>();
  /** A read of all brought too much: each log is read alone until the one is found. */
  #apart = false;

  constructor(options: LogReaderOptions) {
    this.#options = options;
    this.#connection = new RedisConnection(options);
    this.#budget = new ReplyBudget(this.#connection);
  }

  /** @throws the connection's or Redis's own error. */
  async read(positions: Positions, blockMs: number): Promise<readonly LogSlice[]> {
    const nowMs = this.#options.clock.monotonic();
    const streams = new Map(
      [...positions].filter(([cluster]) => (this.#strangers.get(cluster) ?? 0) <= nowMs),
    );
    if (streams.size === 0) return this.#idle(blockMs);
    await this.#connection.ready(SLACK_MS);
    try {
      return this.#apart ? await this.#readApart(streams) : await this.#readTogether(streams, blockMs);
    } catch (failure) {
      if (failure instanceof ReplyTooLargeError) this.#apart = true;
      if (failure instanceof Error && failure.message.startsWith('WRONGTYPE'))
        return this.#findStrangers(streams);
      throw failure;
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #readTogether(streams: Positions, blockMs: number): Promise<readonly LogSlice[]> {
    const perLog = Math.floor(ENTRIES_PER_READ / streams.size);
    const count = Math.min(LOG_READ_COUNT, Math.max(LEAST_PER_LOG, perLog));
    return this.#xread(streams, MAX_READ_BYTES, blockMs + SLACK_MS, [
      'count',
      count,
      'block',
      Math.max(1, blockMs),
    ]);
  }

  /** Finds whose entries are too large: one entry of each log. Ends with it, for the connection was cut. */
  async #readApart(streams: Positions): Promise<readonly LogSlice[]> {
    const slices: LogSlice[] = [];
    for (const [cluster, position] of streams) {
      try {
        const alone = new Map([[cluster, position]]);
        slices.push(...(await this.#xread(alone, MAX_ENTRY_BYTES, SLACK_MS, ['count', 1])));
      } catch (failure) {
        if (!(failure instanceof ReplyTooLargeError)) throw failure;
        this.#leaveOut(cluster);
        return [...slices, malformed(cluster, position, 'it is too large')];
      }
    }
    this.#apart = false;
    return slices;
  }

  async #findStrangers(streams: Positions): Promise<readonly LogSlice[]> {
    const { keys, side } = this.#options;
    const slices: LogSlice[] = [];
    for (const [cluster, position] of streams) {
      const reply = await side.call('type', keys.log(cluster));
      const type = typeof reply === 'string' ? reply : textReply(reply);
      if (type === 'stream' || type === 'none') continue;
      this.#leaveOut(cluster);
      slices.push(malformed(cluster, position, 'it is no stream'));
    }
    return slices;
  }

  #leaveOut(cluster: ClusterName): void {
    this.#strangers.set(cluster, this.#options.clock.monotonic() + STRANGER_MS);
  }

  async #xread(
    streams: Positions,
    maxBytes: number,
    deadlineMs: number,
    options: readonly Argument[],
  ): Promise<readonly LogSlice[]> {
    const clusters = [...streams.keys()];
    const keys = clusters.map((cluster) => this.#options.keys.log(cluster));
    const args = [...options, 'streams', ...keys, ...streams.values()];
    const call = (): Promise<unknown> => this.#connection.call('xread', ...args);
    try {
      const reply = await withDeadline(this.#options.clock, deadlineMs, this.#budget.spend(maxBytes, call));
      return reply === null ? [] : listReply(reply).map((log) => this.#slice(log, clusters, keys));
    } catch (failure) {
      if (failure instanceof DeadlineError) this.#connection.renew();
      throw failure;
    }
  }

  #slice(log: unknown, clusters: readonly ClusterName[], keys: readonly string[]): LogSlice {
    const [key, entries] = listReply(log);
    const cluster = clusters[keys.indexOf(textReply(key))];
    if (cluster === undefined) throw new Error('a log came that was not asked for');
    const parsed = listReply(entries).map((entry) => {
      const [id, pairs] = listReply(entry);
      return { id: bytesReply(id).toString('latin1'), entry: parseLogEntry(listReply(pairs)) };
    });
    const position = parsed.at(-1)?.id;
    if (position === undefined) throw new Error('a log came without entries');
    return { cluster, entries: parsed.map(({ entry }) => entry), position };
  }

  /** Nothing to wait on: a pause in its place, so that the caller's loop does not spin. */
  async #idle(blockMs: number): Promise<readonly LogSlice[]> {
    await new Promise<void>((resolve) => void this.#options.clock.after(blockMs, resolve));
    return [];
  }
}

function malformed(cluster: ClusterName, position: LogPosition, reason: string): LogSlice {
  return { cluster, entries: [{ kind: 'malformed', reason }], position };
}
