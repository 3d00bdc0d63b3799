import { type NamedAuthority, parseAuthority } from './authority.ts';

/** More spellings of names than this are not kept. */
const MAX_KNOWN = 20_000;

/**
 * What authorities name, for all of a worker's route tables: a table that lasts for 10 ms would read each anew, and that
 * costs half a microsecond of a request.
 */
export class KnownAuthorities {
  readonly #names = new Map<string, NamedAuthority>();

  read(authority: string): NamedAuthority | undefined {
    return this.#names.get(authority) ?? parseAuthority(authority);
  }

  /** Only for names that lead somewhere: strangers cannot fill it. */
  keep(authority: string, named: NamedAuthority): void {
    if (this.#names.has(authority)) return;
    // Names come and go: what is asked for is soon here again.
    if (this.#names.size >= MAX_KNOWN) this.#names.clear();
    this.#names.set(authority, named);
  }
}
