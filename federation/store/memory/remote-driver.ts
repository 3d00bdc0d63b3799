import { type CallOptions, Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { ClusterName } from '../../model/cluster.ts';
import type { ServiceKey } from '../../model/service.ts';
import { UserError } from '../../model/user-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Readable } from '../../runtime/watchable.ts';
import { Availability } from '../availability.ts';
import type {
  AcquireRequest,
  AcquireResult,
  CommitRequest,
  DocumentKey,
  LogPosition,
  LogSlice,
  PromoteRequest,
  StoreDriver,
  StoredHead,
  StoredRecord,
  StoredSet,
  WriteResult,
} from '../driver.ts';
import { StoreLimitError } from '../limits.ts';
import { PROBE_TIMING, Probe, type ProbeTiming } from '../probe.ts';
import {
  CALL_METHOD,
  type CallName,
  MAX_BLOCK_MS,
  MAX_REQUEST_BYTES,
  MAX_RESPONSE_BYTES,
  responseEnvelope,
  responseSchemas,
  type StoreRequest,
  type StoreResponse,
} from './protocol.ts';

const ANSWER_MS = 5000;

export interface RemoteMemoryOptions {
  /** `host:port` of the store process. */
  readonly address: string;
  readonly clock: Clock;
  readonly probe?: ProbeTiming;
}

/** A memory store that another process serves. */
export class RemoteMemoryDriver implements StoreDriver {
  readonly #address: string;
  readonly #client: Client;
  readonly #availability = new Availability();
  readonly #probe: Probe;

  constructor({ address, clock, probe = PROBE_TIMING }: RemoteMemoryOptions) {
    this.#address = address;
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_RESPONSE_BYTES,
      'grpc.max_send_message_length': MAX_REQUEST_BYTES,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
    this.#probe = new Probe({
      clock,
      timing: probe,
      availability: this.#availability,
      ping: () => this.#call({ call: 'ping' }, ANSWER_MS),
      describe: (failure) => this.#describe(failure),
      onSilence: () => undefined,
    });
  }

  get state(): Readable<'up' | 'down'> {
    return this.#availability.state;
  }

  get problem(): Readable<UserError | undefined> {
    return this.#availability.problem;
  }

  async check(cluster: ClusterName): Promise<void> {
    await this.#probe.answer();
    await this.readHead(cluster);
  }

  members(): Promise<readonly string[]> {
    return this.#ask({ call: 'members' });
  }

  async addMember(cluster: ClusterName): Promise<void> {
    await this.#ask({ call: 'addMember', cluster });
  }

  acquire(request: AcquireRequest): Promise<AcquireResult> {
    return this.#ask({ call: 'acquire', ...request });
  }

  async release(cluster: ClusterName, holder: string): Promise<void> {
    await this.#ask({ call: 'release', cluster, holder });
  }

  commit(request: CommitRequest): Promise<WriteResult> {
    return this.#ask({ call: 'commit', ...request, changes: [...request.changes] });
  }

  async stage(cluster: ClusterName, epoch: number, records: readonly StoredRecord[]): Promise<void> {
    await this.#ask({ call: 'stage', cluster, epoch, records: [...records] });
  }

  promote(request: PromoteRequest): Promise<WriteResult> {
    return this.#ask({ call: 'promote', ...request });
  }

  async readHead(cluster: ClusterName): Promise<StoredHead> {
    const { head, position } = await this.#ask({ call: 'readHead', cluster });
    return { head, position };
  }

  async readAll(cluster: ClusterName): Promise<StoredSet> {
    const { head, position, records } = await this.#ask({ call: 'readAll', cluster });
    return { head, position, records };
  }

  async readRecords(
    cluster: ClusterName,
    fields: readonly ServiceKey[],
  ): Promise<readonly (StoredRecord | undefined)[]> {
    const records = await this.#ask({ call: 'readRecords', cluster, fields: [...fields] });
    return records.map((record) => record ?? undefined);
  }

  async readLog(
    positions: ReadonlyMap<ClusterName, LogPosition>,
    blockMs: number,
  ): Promise<readonly LogSlice[]> {
    const waitMs = Math.min(blockMs, MAX_BLOCK_MS);
    const slices = await this.#ask(
      { call: 'readLog', positions: [...positions], blockMs: waitMs },
      waitMs + ANSWER_MS,
    );
    return slices.map(({ cluster, entries, position }) => ({
      cluster,
      position,
      entries: entries.map((entry) =>
        entry.kind === 'change'
          ? { kind: entry.kind, change: { ...entry.change, text: entry.change.text } }
          : entry,
      ),
    }));
  }

  async readDocument(key: DocumentKey): Promise<Uint8Array | undefined> {
    return (await this.#ask({ call: 'readDocument', key })) ?? undefined;
  }

  async writeDocument(key: DocumentKey, document: Uint8Array): Promise<void> {
    await this.#ask({ call: 'writeDocument', key, document });
  }

  close(): Promise<void> {
    return this.#probe.close(() => this.#client.close());
  }

  async #ask<C extends CallName>(
    request: Extract<StoreRequest, { readonly call: C }>,
    deadlineMs = ANSWER_MS,
  ): Promise<StoreResponse<C>> {
    this.#availability.assertUp();
    try {
      const response = await this.#call(request, deadlineMs);
      this.#availability.succeeded(request.call);
      return response;
    } catch (failure) {
      if (isServiceError(failure) && failure.code === status.RESOURCE_EXHAUSTED) {
        throw new StoreLimitError(failure.details, { cause: failure });
      }
      const error = this.#describe(failure);
      if (isUnreachable(failure)) this.#probe.now();
      else this.#availability.refused(request.call, error);
      throw error;
    }
  }

  #call<C extends CallName>(
    request: Extract<StoreRequest, { readonly call: C }>,
    deadlineMs: number,
  ): Promise<StoreResponse<C>> {
    const { path, requestSerialize, responseDeserialize } = CALL_METHOD;
    const options: CallOptions = { deadline: Date.now() + deadlineMs };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        options,
        (failure: ServiceError | null, response: unknown) => {
          if (failure !== null) return reject(failure);
          const envelope = responseEnvelope.safeParse(response);
          const parsed = responseSchemas[request.call].safeParse(envelope.data?.result);
          if (!parsed.success) return reject(new Error(`its answer to ${request.call} is malformed`));
          resolve(parsed.data as StoreResponse<C>);
        },
      );
    });
  }

  #describe(failure: unknown): UserError {
    const where = `the memory store at ${this.#address}`;
    const detail = (isServiceError(failure) ? plainDetails(failure.details) : String(failure)).slice(0, 300);
    if (isUnreachable(failure)) {
      return new UserError(`${where} cannot be reached: ${detail}`, {
        hint: 'check that isthmus federation store runs there; traffic goes on with what is known meanwhile',
        cause: failure,
      });
    }
    return new UserError(`${where} refuses: ${detail}`, {
      hint: 'run the same release of Isthmus on both sides',
      cause: failure,
    });
  }
}

function isServiceError(failure: unknown): failure is ServiceError {
  return failure instanceof Error && 'code' in failure && 'details' in failure;
}

function isUnreachable(failure: unknown): boolean {
  if (!isServiceError(failure)) return false;
  return [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED].includes(failure.code);
}

/** The library wraps what the system said in words about its own inside. */
function plainDetails(details: string): string {
  return /Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(details)?.[1] ?? details;
}
