import { ENTRY_OVERHEAD_BYTES } from './static-table.ts';

/**
 * The decoder's dynamic table (RFC 7541 section 2.3.2): a ring, newest first by `at(0)`. Each entry remembers
 * whether its name and value had only allowed characters, so that is looked at once per entry, not per request.
 */
export class DecoderTable {
  readonly #ringSize: number;
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  readonly #valid: boolean[] = [];
  #inserted = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes: number;

  /** `limitBytes` is what we announced: the peer may lower its own maximum below it, never above. */
  constructor(limitBytes: number) {
    this.#ringSize = 2 ** Math.ceil(Math.log2(Math.max(1, limitBytes / ENTRY_OVERHEAD_BYTES)));
    this.#maxBytes = limitBytes;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Ring slot of the entry that is `age` insertions old, or -1. */
  slot(age: number): number {
    return age < this.#count ? (this.#inserted - 1 - age) & (this.#ringSize - 1) : -1;
  }

  name(slot: number): string {
    return this.#names[slot] as string;
  }

  value(slot: number): string {
    return this.#values[slot] as string;
  }

  valid(slot: number): boolean {
    return this.#valid[slot] as boolean;
  }

  /** An entry larger than the table empties it and is not kept (RFC 7541 section 4.4). */
  insert(name: string, value: string, valid: boolean): void {
    const bytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.#evict(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    const slot = this.#inserted++ & (this.#ringSize - 1);
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#valid[slot] = valid;
    this.#count++;
    this.#bytes += bytes;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(downToBytes: number): void {
    while (this.#count > 0 && this.#bytes > downToBytes) {
      const slot = this.slot(this.#count - 1);
      this.#bytes -= this.name(slot).length + this.value(slot).length + ENTRY_OVERHEAD_BYTES;
      this.#names[slot] = '';
      this.#values[slot] = '';
      this.#count--;
    }
  }
}
