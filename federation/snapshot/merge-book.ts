import { isDeepStrictEqual } from 'node:util';
import type { ExportConflict } from '../import/export-conflict.ts';
import type { ClusterName } from '../model/cluster.ts';
import type { AddressGroup } from '../model/flat-network.ts';
import type { ExportTraits, OtherPort, ServiceKey } from '../model/service.ts';

/** What of a service only the cluster's own API shows: no gateway needs it. */
export interface ServiceDetails {
  readonly traits: ExportTraits;
  readonly otherPorts: readonly OtherPort[];
  /** Of a headless service, by cluster of this one's network. */
  readonly addresses: ReadonlyMap<ClusterName, readonly AddressGroup[]>;
}

/** What joining the exports of a service gave, beside what a snapshot has of it. */
export interface MergeResult {
  readonly conflicts: readonly ExportConflict[];
  readonly details: ServiceDetails;
}

/** Told when a service's conflicts are others than before. */
export type ConflictListener = (service: ServiceKey, conflicts: readonly ExportConflict[]) => void;

const NO_CONFLICTS: readonly ExportConflict[] = [];
const NO_DETAILS: ServiceDetails = { traits: {}, otherPorts: [], addresses: new Map() };

/** By service what its exports disagree on and what they agree on; the same objects for as long as they say the same. */
export class MergeBook {
  readonly #onConflicts: ConflictListener;
  readonly #conflicts = new Map<ServiceKey, readonly ExportConflict[]>();
  readonly #details = new Map<ServiceKey, ServiceDetails>();
  readonly #listeners = new Set<(service: ServiceKey) => void>();

  constructor(onConflicts: ConflictListener) {
    this.#onConflicts = onConflicts;
  }

  get conflicts(): readonly ExportConflict[] {
    return [...this.#conflicts.values()].flat();
  }

  conflictsOf(key: ServiceKey): readonly ExportConflict[] {
    return this.#conflicts.get(key) ?? NO_CONFLICTS;
  }

  detailsOf(key: ServiceKey): ServiceDetails {
    return this.#details.get(key) ?? NO_DETAILS;
  }

  /** Calls back with each service of which one of both is another one now. */
  watch(listener: (service: ServiceKey) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  note(key: ServiceKey, { conflicts, details }: MergeResult): void {
    const otherDetails = !isDeepStrictEqual(this.detailsOf(key), details);
    const otherConflicts = !isDeepStrictEqual(this.conflictsOf(key), conflicts);
    if (otherDetails) {
      if (isDeepStrictEqual(details, NO_DETAILS)) this.#details.delete(key);
      else this.#details.set(key, details);
    }
    if (otherConflicts) {
      if (conflicts.length === 0) this.#conflicts.delete(key);
      else this.#conflicts.set(key, conflicts);
      this.#onConflicts(key, conflicts);
    }
    if (otherDetails || otherConflicts) for (const listener of [...this.#listeners]) listener(key);
  }

  /** Nobody exports it any more. */
  forget(key: ServiceKey): void {
    this.note(key, { conflicts: NO_CONFLICTS, details: NO_DETAILS });
  }
}
