import { indexingOf, type SensitiveNames } from '../hpack/indexing.ts';
import type { SharedStrings } from '../hpack/shared-strings.ts';
import { Repetition } from '../http/repetition.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { BodyFraming } from './head-fields.ts';
import type { RequestForm } from './response-head.ts';

/** A head as it is written: its text, the empty line included, and what it says of the body. */
export interface WrittenHead {
  readonly text: string;
  readonly framing: BodyFraming;
  /** As declared; -1 or 0 = not. */
  readonly contentLength: number;
}

export interface WrittenRequest extends WrittenHead {
  readonly form: RequestForm;
}

const SLOTS = 16;
const MAX_TEXT_LENGTH = 1024;

interface Entry<Head> {
  readonly repetition: Repetition;
  block: readonly string[];
  endStream: boolean;
  head: Head | undefined;
}

/**
 * Heads that were written lately. Under load many messages in a row have the same, word for word: a health check's, a
 * small answer's within one second. To put a head's text together costs more than all else that is done with it.
 */
export class WrittenHeads<Head extends WrittenHead> {
  readonly #strings: SharedStrings;
  readonly #sensitive: SensitiveNames;
  readonly #entries: readonly Entry<Head>[] = Array.from({ length: SLOTS }, () => ({
    repetition: new Repetition(),
    block: [],
    endStream: false,
    head: undefined,
  }));

  /** @param sensitive names that some peer marked as never to be indexed */
  constructor(strings: SharedStrings, sensitive: SensitiveNames) {
    this.#strings = strings;
    this.#sensitive = sensitive;
  }

  /** What was kept for such a block. */
  find(block: HeaderBlock, endStream: boolean): Head | undefined {
    const entry = this.#entryOf(block);
    const known = entry.block;
    if (known.length !== block.length || entry.endStream !== endStream) return undefined;
    for (let at = 0; at < block.length; at++) if (block[at] !== known[at]) return undefined;
    entry.repetition.came();
    return entry.head;
  }

  /** Keeps a head that was not found, unless it is long, has secrets, or nothing like it has come again of late. */
  keep(block: HeaderBlock, endStream: boolean, head: Head): void {
    const entry = this.#entryOf(block);
    if (!entry.repetition.takes() || head.text.length > MAX_TEXT_LENGTH || this.#hasSecrets(block)) return;
    // What comes out of an HPACK table is found by the address of its strings.
    entry.block = block.map((text, at) => (at % 2 === 0 ? text : this.#strings.of(text)));
    entry.endStream = endStream;
    entry.head = { ...head, text: detached(head.text) };
  }

  /** A secret lives as long as its connection alone. */
  #hasSecrets(block: HeaderBlock): boolean {
    for (let at = 0; at < block.length; at += 2) {
      const name = block[at] as string;
      if (indexingOf(name) === 'never' || this.#sensitive.has(name)) return true;
    }
    return false;
  }

  #entryOf(block: HeaderBlock): Entry<Head> {
    const { length } = block;
    const hint = length * 3 + (block[7] ?? '').length * 5 + (block[length - 1] ?? '').length;
    return this.#entries[hint % SLOTS] as Entry<Head>;
  }
}

/** In one piece, which is written at once; what was put together is made one piece again each time. */
function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
