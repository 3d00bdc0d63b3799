import type { LocalCluster } from '../model/cluster.ts';
import type { Clock } from '../runtime/clock.ts';
import { Audit } from './audit.ts';
import { batches } from './batches.ts';
import type { Lease, StoreDriver, StoredSet, WriteResult } from './driver.ts';
import { encodeHead, type HeadContent, type HeadSigner, type HeadVerifier, SCHEMA_VERSION } from './head.ts';
import { MAX_AHEAD_MS, StoreLimitError } from './limits.ts';
import type { Batch, Publication } from './publication.ts';
import type { PublisherMemory } from './publisher-memory.ts';
import { type Leadership, windowAfterMs } from './publisher-state.ts';
import type { Reporter } from './report.ts';
import { judgeStored, ownHead } from './synchronization.ts';

/** What a head says beside the set. */
export type HeadFacts = Pick<HeadContent, 'gateways' | 'bundleSequence' | 'left' | 'drain'>;

export interface ClusterWriterOptions {
  readonly driver: StoreDriver;
  readonly local: LocalCluster;
  readonly publication: Publication;
  readonly memory: PublisherMemory;
  readonly verifier: HeadVerifier;
  readonly clock: Clock;
  readonly leaseTtlMs: number | undefined;
  /** Between two writes, at least. */
  readonly batchWindowMs: number;
  /** The same after a batch of many changes: of those that wait, more share what a write costs everybody. */
  readonly busyWindowMs: number;
  readonly heartbeatMs: number;
  readonly auditMs: number;
  readonly standbyTryMs: () => number;
  readonly report: Reporter;
  readonly onOwnHead?: (head: HeadContent | undefined) => void;
  readonly signer: () => HeadSigner;
  readonly facts: () => HeadFacts;
}

type Leading = Extract<Leadership, { readonly kind: 'leader' }>;

/** A head on its way to the store: written or not, until the store is read again. */
interface Attempt {
  readonly batch: Batch;
  readonly head: Uint8Array;
  readonly epoch: number;
}

/** Does what a publisher decides: each step talks to the store and says where leadership stands afterwards. */
export class ClusterWriter {
  readonly #options: ClusterWriterOptions;
  readonly #audit: Audit;
  #attempt: Attempt | undefined;
  #newest: { readonly epoch: number; readonly version: number; readonly head: Uint8Array } | undefined;
  #issuedAtMs = 0;
  #recalled: boolean;

  constructor(options: ClusterWriterOptions) {
    this.#options = options;
    const { driver, local, publication, auditMs, onOwnHead } = options;
    this.#recalled = onOwnHead === undefined;
    this.#audit = new Audit(driver, local.name, publication, auditMs);
  }

  /** Issue time of the newest head that was made, Unix ms. */
  get issuedAtMs(): number {
    return this.#issuedAtMs;
  }

  /** Whether the cluster's last word is known, as far as anybody asked for it. */
  get recalled(): boolean {
    return this.#recalled;
  }

  /** Reads the cluster's last word, whoever wrote it. */
  async recall(): Promise<Leadership> {
    const { clock, driver, local, verifier, onOwnHead } = this.#options;
    const { head } = await driver.readHead(local.name);
    const maximumEpoch = clock.now() + MAX_AHEAD_MS;
    onOwnHead?.(head && ownHead(head, { cluster: local.name, verifier, maximumEpoch }));
    this.#recalled = true;
    return { kind: 'follower', leader: undefined, tryAtMs: 0 };
  }

  async acquire(): Promise<Leadership> {
    const { clock, driver, local, memory } = this.#options;
    const nowMs = clock.now();
    const maximumEpoch = nowMs + MAX_AHEAD_MS;
    const lastEpoch = await memory.lastEpoch();
    const result = await driver.acquire({
      cluster: local.name,
      lease: await this.#lease(),
      // A last epoch that readers refuse was made while this clock was wrong.
      minimumEpoch: lastEpoch < maximumEpoch ? Math.max(nowMs, lastEpoch + 1) : nowMs,
      maximumEpoch,
    });
    if (result.kind === 'held') return this.#standby(result.holder);
    await memory.rememberEpoch(result.epoch);
    await driver.addMember(local.name);
    this.#options.report({
      severity: 'info',
      cluster: local.name,
      topic: 'writing',
      message: `publishes from here, epoch ${result.epoch}`,
    });
    return { kind: 'unsure', epoch: result.epoch, tryAtMs: 0 };
  }

  /** Finds out what the store has of this cluster: the last head, an earlier leader's, or something to replace. */
  async synchronize(epoch: number): Promise<Leadership> {
    const { clock, driver, local, publication, verifier, memory } = this.#options;
    const stored = await driver.readHead(local.name);
    if (stored.head !== undefined && this.#isOwn(stored.head, epoch))
      return this.#lead(epoch, stored.head, 0);
    const finding = judgeStored(await this.#readOwn(), {
      cluster: local.name,
      verifier,
      epoch,
      maximumEpoch: clock.now() + MAX_AHEAD_MS,
      newest: this.#newest,
    });
    switch (finding.kind) {
      case 'higher-epoch':
        await memory.rememberEpoch(finding.epoch);
        return { kind: 'follower', leader: 'another leader', tryAtMs: 0 };
      case 'adopt':
        publication.adopt(finding.records, finding.version, clock.monotonic());
        return this.#lead(epoch, finding.head, 0);
      case 'replace':
        return this.#rewrite(epoch, finding.reason);
    }
  }

  /** Somebody put more there than may be read: then no record counts, so that the whole is written again. */
  async #readOwn(): Promise<StoredSet> {
    const { driver, local } = this.#options;
    try {
      return await driver.readAll(local.name);
    } catch (failure) {
      if (!(failure instanceof StoreLimitError)) throw failure;
      return { ...(await driver.readHead(local.name)), records: [] };
    }
  }

  /** Writes what is pending, or nothing, under a new head. */
  async commit(leading: Leading): Promise<Leadership> {
    const { driver, local, publication, clock } = this.#options;
    const batch = publication.nextBatch();
    const head = this.#sign(leading.epoch, batch.version, batch.digest);
    this.#attempt = { batch, head, epoch: leading.epoch };
    const result = await driver.commit({
      cluster: local.name,
      epoch: leading.epoch,
      lease: await this.#lease(),
      changes: batch.changes,
      head,
      previousHead: leading.head,
      size: batch.size,
    });
    if (result === 'fenced' || result === 'fence-lost' || result === 'foreign-head') {
      return this.#refused(leading.epoch, result);
    }
    this.#settle(this.#attempt);
    if (result === 'wrong-size')
      return this.#rewrite(leading.epoch, 'the store has other services than were written');
    const fault = await this.#audit.next(clock.monotonic());
    if (fault !== undefined) return this.#rewrite(leading.epoch, fault);
    return this.#lead(leading.epoch, head, this.#options.heartbeatMs, batch.changes.length);
  }

  /** Puts the whole set aside in pieces, then makes it the set at once. */
  async #rewrite(epoch: number, reason: string): Promise<Leadership> {
    const { driver, local, publication, clock, report } = this.#options;
    const severity = this.#newest === undefined ? 'info' : 'warning';
    report({ severity, cluster: local.name, topic: 'writing', message: `${reason}: everything is written` });
    const whole = publication.wholeSet();
    for (const part of batches(whole.records)) await driver.stage(local.name, epoch, part);
    const head = this.#sign(epoch, whole.version, whole.digest);
    const size = whole.records.length;
    const result = await driver.promote({
      cluster: local.name,
      epoch,
      lease: await this.#lease(),
      head,
      size,
    });
    if (result === 'wrong-size') throw new Error('the store had something else put aside than was written');
    if (result !== 'written') return this.#refused(epoch, result);
    publication.adopt(whole.records, whole.version, clock.monotonic());
    this.#newest = { epoch, version: whole.version, head };
    this.#attempt = undefined;
    return this.#lead(epoch, head, this.#options.heartbeatMs);
  }

  #refused(epoch: number, result: Exclude<WriteResult, 'written' | 'wrong-size'>): Leadership {
    switch (result) {
      case 'fenced':
        return this.#standby('another leader');
      case 'fence-lost':
        return { kind: 'follower', leader: undefined, tryAtMs: 0 };
      case 'foreign-head':
        return { kind: 'unsure', epoch, tryAtMs: 0 };
    }
  }

  /** Whether the head in the store is the last one or the attempt whose answer was lost. */
  #isOwn(head: Uint8Array, epoch: number): boolean {
    const attempt = this.#attempt;
    if (attempt !== undefined && attempt.epoch === epoch && Buffer.compare(head, attempt.head) === 0) {
      this.#settle(attempt);
      return true;
    }
    return this.#newest?.epoch === epoch && Buffer.compare(head, this.#newest.head) === 0;
  }

  #settle({ batch, head, epoch }: Attempt): void {
    this.#options.publication.written(batch, this.#options.clock.monotonic());
    this.#newest = { epoch, version: batch.version, head };
    this.#attempt = undefined;
  }

  #lead(epoch: number, head: Uint8Array, heartbeatInMs: number, changes = 0): Leadership {
    const nowMs = this.#options.clock.monotonic();
    const batchAtMs = heartbeatInMs === 0 ? nowMs : nowMs + windowAfterMs(changes, this.#options);
    return { kind: 'leader', epoch, head, heartbeatAtMs: nowMs + heartbeatInMs, batchAtMs };
  }

  #standby(leader: string): Leadership {
    const tryAtMs = this.#options.clock.monotonic() + this.#options.standbyTryMs();
    return { kind: 'follower', leader, tryAtMs };
  }

  async #lease(): Promise<Lease | undefined> {
    const { leaseTtlMs, memory } = this.#options;
    return leaseTtlMs === undefined ? undefined : { holder: await memory.holder(), ttlMs: leaseTtlMs };
  }

  #sign(epoch: number, version: number, digest: string): Uint8Array {
    const { local, clock, signer, facts } = this.#options;
    // Two heads of the same version in one millisecond would look like a replay.
    this.#issuedAtMs = Math.max(clock.now(), this.#issuedAtMs + 1);
    return signer().sign(
      encodeHead({
        cluster: local.name,
        epoch,
        version,
        issuedAtMs: this.#issuedAtMs,
        digest,
        locality: local.locality,
        ...facts(),
        schemaVersion: SCHEMA_VERSION,
      }),
    );
  }
}
