import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalCluster } from '../model/cluster.ts';
import type { RoutingSnapshot } from '../model/snapshot.ts';
import type { Clock } from '../runtime/clock.ts';
import { writeDurably } from '../runtime/durable-file.ts';
import { Saver } from '../runtime/saver.ts';
import { WireError } from '../wire/field-checks.ts';
import type { SnapshotEncoder } from '../wire/snapshot-encoder.ts';
import { snapshotFromBytes } from '../wire/snapshot-message.ts';
import { type FederationMemory, type OfferTexts, printMemory, readMemory } from './memory-file.ts';

/** Where the newest state is read from when it is time to save it. */
export interface StateSources {
  readonly memory: () => FederationMemory;
  readonly snapshot: () => RoutingSnapshot | undefined;
}

export interface StateKeeperOptions {
  readonly folder: string;
  readonly local: LocalCluster;
  readonly clock: Clock;
  readonly encoder: SnapshotEncoder;
  /** Told what could not be read and does without. */
  readonly warn: (message: string) => void;
}

const MEMORY_DELAY_MS = 500;
/** A whole snapshot may be megabytes, and matters only to the next start. */
const SNAPSHOT_DELAY_MS = 15_000;
/** Of which a start takes one by chance; with so many 2^53, the largest whole number that is exact, is that of the year 2109. */
const EPOCHS_PER_MS = 2048;

/** What a restart finds again: the last snapshot, the epoch, and who was failing. */
export class StateKeeper {
  readonly #options: StateKeeperOptions;
  readonly #memory: Saver;
  readonly #snapshot: Saver;
  #sources: StateSources | undefined;
  readonly #texts: OfferTexts = new WeakMap();
  /** The memory as it is on disk. */
  #written: string | undefined;
  /** Of an earlier process. */
  readonly lastMemory: FederationMemory | undefined;
  readonly lastSnapshot: RoutingSnapshot | undefined;

  private constructor(
    options: StateKeeperOptions,
    lastMemory: FederationMemory | undefined,
    lastSnapshot: RoutingSnapshot | undefined,
  ) {
    this.#options = options;
    this.lastMemory = lastMemory;
    this.lastSnapshot = lastSnapshot;
    this.#memory = new Saver(options.clock, MEMORY_DELAY_MS, () => this.#writeMemory());
    this.#snapshot = new Saver(options.clock, SNAPSHOT_DELAY_MS, () => this.#writeSnapshot());
  }

  /** @throws UserError when the folder is another cluster's, or its memory cannot be read. */
  static async open(options: StateKeeperOptions): Promise<StateKeeper> {
    const memory = await readMemory(memoryPath(options.folder), options.local);
    return new StateKeeper(options, memory, await readSnapshot(options));
  }

  /**
   * Higher than that of any snapshot that an earlier process served, whatever the clock says; and another one than that of a
   * replica that starts in the same ms.
   * @param random gives 0 ≤ x < 1
   */
  nextEpoch(nowMs: number, random: () => number): number {
    const lowest = Math.max(nowMs * EPOCHS_PER_MS, (this.lastMemory?.epoch ?? 0) + 1);
    return lowest + Math.floor(random() * EPOCHS_PER_MS);
  }

  /** Why the newest state is not on disk. */
  get problems(): readonly string[] {
    const path = this.#options.folder;
    return [this.#memory.problem.value, this.#snapshot.problem.value]
      .filter((problem) => problem !== undefined)
      .map((problem) => `${path}: the state cannot be saved: ${problem}`);
  }

  /** From now on these are what is saved, the memory at once. */
  attach(sources: StateSources): void {
    this.#sources = sources;
    this.#memory.changed();
  }

  memoryChanged(): void {
    this.#memory.changed();
  }

  snapshotChanged(): void {
    this.#snapshot.changed();
  }

  /** Saves what is not saved yet. */
  async close(): Promise<void> {
    await this.#memory.close();
    await this.#snapshot.close();
  }

  async #writeMemory(): Promise<void> {
    const { folder, local } = this.#options;
    if (this.#sources === undefined) return;
    const text = printMemory(local, this.#sources.memory(), this.#texts);
    if (text === this.#written) return;
    await writeDurably(memoryPath(folder), text);
    this.#written = text;
  }

  async #writeSnapshot(): Promise<void> {
    const { folder, encoder } = this.#options;
    const snapshot = this.#sources?.snapshot();
    if (snapshot !== undefined) await writeDurably(snapshotPath(folder), encoder.snapshot(snapshot));
  }
}

function memoryPath(folder: string): string {
  return join(folder, 'federation.json');
}

function snapshotPath(folder: string): string {
  return join(folder, 'snapshot.bin');
}

/** The memory has said whose folder it is; a snapshot that cannot be used is only one that is built anew. */
async function readSnapshot(options: StateKeeperOptions): Promise<RoutingSnapshot | undefined> {
  const path = snapshotPath(options.folder);
  try {
    const snapshot = snapshotFromBytes(await readFile(path));
    if (snapshot.local.trustDomain === options.local.trustDomain) return snapshot;
    options.warn(`${path}: is of ${snapshot.local.trustDomain} and is not used`);
  } catch (failure) {
    if (failure instanceof WireError) options.warn(`${path}: is damaged and is not used: ${failure.message}`);
    else if (!isMissing(failure)) options.warn(`${path}: cannot be read: ${String(failure)}`);
  }
  return undefined;
}

function isMissing(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'ENOENT';
}
