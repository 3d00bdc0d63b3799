import type { ClusterName } from '../../model/cluster.ts';
import type { ServiceKey } from '../../model/service.ts';
import type { UserError } from '../../model/user-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Readable } from '../../runtime/watchable.ts';
import { Availability } from '../availability.ts';
import { withDeadline } from '../deadline.ts';
import type {
  AcquireRequest,
  AcquireResult,
  CommitRequest,
  DocumentKey,
  Lease,
  LogPosition,
  LogSlice,
  PromoteRequest,
  StoreDriver,
  StoredHead,
  StoredRecord,
  StoredSet,
  WriteResult,
} from '../driver.ts';
import {
  MAX_HEAD_BYTES,
  MAX_MEMBER_BYTES,
  MAX_RECORDS,
  MAX_SET_BYTES,
  MEMBERS_READ_COUNT,
  StoreLimitError,
} from '../limits.ts';
import { PROBE_TIMING, Probe, type ProbeTiming } from '../probe.ts';
import { type Argument, RedisConnection } from './connection.ts';
import { describeRedisFailure } from './failure.ts';
import { StoreKeys } from './keys.ts';
import type { RedisLocation } from './location.ts';
import { LogReader } from './log-reader.ts';
import { bytesReply, listReply, parseStored, printStored, ReplyShapeError, textReply } from './reply.ts';
import { ACQUIRE, COMMIT, PROMOTE, READ_ALL, READ_HEAD, READ_MEMBERS, RELEASE, STAGE } from './scripts.ts';

const ANSWER_MS = 5000;
const STAGED_FOR_MS = 120_000;
/** Below every fence: such a write is refused by any store that permits it at all. */
const NO_EPOCH = -1;

export interface RedisDriverOptions {
  readonly location: RedisLocation;
  readonly clusterset: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly probe?: ProbeTiming;
}

/** A Redis: one server, a master behind sentinels, or a Cluster. One connection for calls, one to wait on logs. */
export class RedisDriver implements StoreDriver {
  readonly #options: RedisDriverOptions;
  readonly #keys: StoreKeys;
  readonly #connection: RedisConnection;
  readonly #log: LogReader;
  readonly #availability = new Availability();
  readonly #probe: Probe;

  /** @throws UserError when the location itself is wrong; whether it can be reached shows in `state`. */
  constructor(options: RedisDriverOptions) {
    this.#options = options;
    this.#keys = new StoreKeys(options.clusterset);
    const { location, random, clock } = options;
    this.#connection = new RedisConnection(options);
    this.#log = new LogReader({ location, random, clock, keys: this.#keys, side: this.#connection });
    this.#probe = new Probe({
      clock,
      timing: options.probe ?? PROBE_TIMING,
      availability: this.#availability,
      ping: () => this.#connection.call('ping'),
      describe: (failure) => this.#describe(failure).error,
      onSilence: () => this.#connection.renew(),
    });
    this.#connection.onChange(() => this.#probe.now());
  }

  get state(): Readable<'up' | 'down'> {
    return this.#availability.state;
  }

  get problem(): Readable<UserError | undefined> {
    return this.#availability.problem;
  }

  async check(cluster: ClusterName): Promise<void> {
    await this.#probe.answer();
    await this.members();
    await this.readHead(cluster);
    await this.commit({
      cluster,
      epoch: NO_EPOCH,
      lease: undefined,
      changes: [],
      head: new Uint8Array(),
      previousHead: new Uint8Array(),
      size: 0,
    });
  }

  async members(): Promise<readonly string[]> {
    const limits = [MEMBERS_READ_COUNT, MAX_MEMBER_BYTES];
    const reply = await this.#readScript('read the members', READ_MEMBERS, [this.#keys.members], limits);
    return listReply(reply).map(textReply);
  }

  async addMember(cluster: ClusterName): Promise<void> {
    await this.#call('become a member', 'sadd', this.#keys.members, cluster);
  }

  async acquire(request: AcquireRequest): Promise<AcquireResult> {
    const { cluster, lease, minimumEpoch, maximumEpoch } = request;
    const keys = [this.#keys.fence(cluster), this.#keys.lease(cluster)];
    const args = [lease?.holder ?? '', lease?.ttlMs ?? 0, minimumEpoch, maximumEpoch];
    const [kind, value] = listReply(await this.#script('lead', ACQUIRE, keys, args)).map(textReply);
    if (kind === 'held') return { kind, holder: (value ?? '').slice(0, 100) };
    const epoch = Number(value);
    if (kind !== 'acquired' || !Number.isSafeInteger(epoch)) throw new ReplyShapeError('an epoch');
    return { kind, epoch };
  }

  async release(cluster: ClusterName, holder: string): Promise<void> {
    await this.#script('give the lease back', RELEASE, [this.#keys.lease(cluster)], [holder]);
  }

  async commit(request: CommitRequest): Promise<WriteResult> {
    const { cluster, epoch, size, head, previousHead, changes } = request;
    const args = [
      ...[epoch, ...leaseArguments(request.lease), size, asBuffer(head), asBuffer(previousHead)],
      ...changes.flatMap(({ field, version, text }) => [
        field,
        version,
        text === undefined ? '-' : `+${text}`,
      ]),
    ];
    return writeResult(await this.#script('publish', COMMIT, this.#writtenKeys(cluster), args));
  }

  async stage(cluster: ClusterName, epoch: number, records: readonly StoredRecord[]): Promise<void> {
    const args = records.flatMap((record) => [record.field, printStored(record)]);
    const keys = [this.#keys.staging(cluster, epoch)];
    await this.#script('publish', STAGE, keys, [STAGED_FOR_MS, ...args]);
  }

  async promote(request: PromoteRequest): Promise<WriteResult> {
    const { cluster, epoch, size, head } = request;
    const keys = [...this.#writtenKeys(cluster), this.#keys.staging(cluster, epoch)];
    const args = [epoch, ...leaseArguments(request.lease), size, asBuffer(head)];
    return writeResult(await this.#script('publish', PROMOTE, keys, args));
  }

  async readHead(cluster: ClusterName): Promise<StoredHead> {
    const keys = [this.#keys.head(cluster), this.#keys.log(cluster)];
    const reply = listReply(await this.#readScript('read heads', READ_HEAD, keys, [MAX_HEAD_BYTES]));
    return storedHead(reply);
  }

  async readAll(cluster: ClusterName): Promise<StoredSet> {
    const keys = [this.#keys.head(cluster), this.#keys.log(cluster), this.#keys.services(cluster)];
    const limits = [MAX_HEAD_BYTES, MAX_RECORDS, MAX_SET_BYTES];
    const reply = listReply(await this.#readScript('read services', READ_ALL, keys, limits));
    if (reply.length === 1)
      throw new StoreLimitError(`${cluster} has more in the store than any cluster may have`);
    const records: StoredRecord[] = [];
    for (let i = 2; i + 1 < reply.length; i += 2) {
      const field = textReply(reply[i]);
      // What is no record has no version: it stays in the set, and the digest refuses the whole.
      const record = parseStored(field, bytesReply(reply[i + 1])) ?? { field, version: 0, text: '' };
      records.push(record);
    }
    return { ...storedHead(reply), records };
  }

  async readRecords(
    cluster: ClusterName,
    fields: readonly ServiceKey[],
  ): Promise<readonly (StoredRecord | undefined)[]> {
    const reply = await this.#call('read services', 'hmget', this.#keys.services(cluster), ...fields);
    const values = listReply(reply);
    return fields.map((field, index) => {
      const value = values[index];
      return value === null ? undefined : parseStored(field, bytesReply(value));
    });
  }

  async readLog(
    positions: ReadonlyMap<ClusterName, LogPosition>,
    blockMs: number,
  ): Promise<readonly LogSlice[]> {
    return this.#perform('follow the logs', () => this.#log.read(positions, blockMs));
  }

  async readDocument(key: DocumentKey): Promise<Uint8Array | undefined> {
    const reply = await this.#call('read trust documents', 'get', this.#keys.document(key));
    return reply === null ? undefined : new Uint8Array(bytesReply(reply));
  }

  async writeDocument(key: DocumentKey, document: Uint8Array): Promise<void> {
    await this.#call('write trust documents', 'set', this.#keys.document(key), asBuffer(document));
  }

  async close(): Promise<void> {
    await this.#probe.close(() => {
      this.#log.close();
      this.#connection.close();
    });
  }

  #writtenKeys(cluster: ClusterName): readonly string[] {
    const keys = this.#keys;
    return [
      keys.fence(cluster),
      keys.lease(cluster),
      keys.services(cluster),
      keys.log(cluster),
      keys.head(cluster),
    ];
  }

  #script(
    operation: string,
    script: string,
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<unknown> {
    return this.#call(operation, 'eval', script, keys.length, ...keys, ...args);
  }

  /** Readers may not write, and Redis takes EVAL for a write to its keys. */
  #readScript(
    operation: string,
    script: string,
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<unknown> {
    return this.#call(operation, 'eval_ro', script, keys.length, ...keys, ...args);
  }

  #call(operation: string, command: string, ...args: readonly Argument[]): Promise<unknown> {
    return this.#perform(operation, () =>
      withDeadline(this.#options.clock, ANSWER_MS, this.#connection.call(command, ...args)),
    );
  }

  async #perform<T>(operation: string, work: () => Promise<T>): Promise<T> {
    this.#availability.assertUp();
    try {
      const result = await work();
      this.#availability.succeeded(operation);
      return result;
    } catch (failure) {
      const { kind, error } = this.#describe(failure);
      if (kind === 'refused') this.#availability.refused(operation, error);
      else this.#probe.now();
      throw error;
    }
  }

  #describe(failure: unknown): ReturnType<typeof describeRedisFailure> {
    return describeRedisFailure(failure, this.#options.location);
  }
}

function leaseArguments(lease: Lease | undefined): readonly [string, number] {
  return [lease?.holder ?? '', lease?.ttlMs ?? 0];
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function storedHead(reply: readonly unknown[]): StoredHead {
  const position = textReply(reply[0]);
  const head = reply[1] === undefined ? undefined : new Uint8Array(bytesReply(reply[1]));
  return { position, head: head?.length === 0 ? undefined : head };
}

function writeResult(reply: unknown): WriteResult {
  const result = textReply(reply);
  switch (result) {
    case 'written':
    case 'fenced':
    case 'fence-lost':
    case 'foreign-head':
    case 'wrong-size':
      return result;
    default:
      throw new ReplyShapeError('the result of a write');
  }
}
