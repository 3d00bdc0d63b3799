import { isDeepStrictEqual } from 'node:util';
import type { ExportConflict } from '../import/export-conflict.ts';
import type { ExportTraits, ServiceKey } from '../model/service.ts';

/** What joining the exports of a service gave, beside what a snapshot has of it. */
export interface MergeResult {
  readonly conflicts: readonly ExportConflict[];
  readonly traits: ExportTraits;
}

/** Told when a service's conflicts are others than before. */
export type ConflictListener = (service: ServiceKey, conflicts: readonly ExportConflict[]) => void;

const NO_CONFLICTS: readonly ExportConflict[] = [];
const NO_TRAITS: ExportTraits = {};

/** By service what its exports disagree on and what they agree on; the same objects for as long as they say the same. */
export class MergeBook {
  readonly #onConflicts: ConflictListener;
  readonly #conflicts = new Map<ServiceKey, readonly ExportConflict[]>();
  readonly #traits = new Map<ServiceKey, ExportTraits>();

  constructor(onConflicts: ConflictListener) {
    this.#onConflicts = onConflicts;
  }

  get conflicts(): readonly ExportConflict[] {
    return [...this.#conflicts.values()].flat();
  }

  conflictsOf(key: ServiceKey): readonly ExportConflict[] {
    return this.#conflicts.get(key) ?? NO_CONFLICTS;
  }

  traitsOf(key: ServiceKey): ExportTraits {
    return this.#traits.get(key) ?? NO_TRAITS;
  }

  note(key: ServiceKey, { conflicts, traits }: MergeResult): void {
    if (!isDeepStrictEqual(this.traitsOf(key), traits)) {
      if (isDeepStrictEqual(traits, NO_TRAITS)) this.#traits.delete(key);
      else this.#traits.set(key, traits);
    }
    if (isDeepStrictEqual(this.conflictsOf(key), conflicts)) return;
    if (conflicts.length === 0) this.#conflicts.delete(key);
    else this.#conflicts.set(key, conflicts);
    this.#onConflicts(key, conflicts);
  }

  /** Nobody exports it any more. */
  forget(key: ServiceKey): void {
    this.note(key, { conflicts: NO_CONFLICTS, traits: NO_TRAITS });
  }
}
