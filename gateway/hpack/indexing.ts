/** How the encoder treats a field name's values. */
export type Indexing =
  /** Kept in the dynamic table on first sight. */
  | 'first-sight'
  /** Kept when the same value comes again soon, and it has no query: few of the values repeat. */
  | 'second-sight'
  /** Values hardly ever repeat: keeping them would only drive out what does. */
  | 'without'
  /** Secrets: no hop may ever put them in a table (RFC 7541 section 7.1.3). */
  | 'never';

const NEVER = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie'];

const WITHOUT = [
  'baggage',
  'content-range',
  'grpc-message',
  'grpc-status-details-bin',
  'grpc-timeout',
  'range',
  'sec-websocket-accept',
  'sec-websocket-key',
  'traceparent',
  'tracestate',
  'x-amzn-trace-id',
  'x-b3-parentspanid',
  'x-b3-spanid',
  'x-b3-traceid',
  'x-correlation-id',
  'x-request-id',
];

/**
 * A busy connection sees the same date, lengths, clients and paths many times a second and then saves their bytes on both
 * sides; on a quiet one they never come twice in a row of few and stay out.
 */
const SECOND_SIGHT = [
  ':path',
  'age',
  'content-length',
  'date',
  'etag',
  'expires',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'isthmus-hash',
  'last-modified',
  'location',
  'referer',
  'x-forwarded-for',
];

const INDEXING: ReadonlyMap<string, Indexing> = new Map<string, Indexing>([
  ...NEVER.map((name) => [name, 'never'] as const),
  ...WITHOUT.map((name) => [name, 'without'] as const),
  ...SECOND_SIGHT.map((name) => [name, 'second-sight'] as const),
]);

export function indexingOf(name: string): Indexing {
  return INDEXING.get(name) ?? 'first-sight';
}

/**
 * Names outside the list that some peer sent as never indexed: from then on they are never indexed on any hop of
 * this worker (RFC 7541 section 6.2.3 asks for it, and a flat block has no place for a mark). Bounded; past the bound
 * the oldest is forgotten. Who drives a name out with others uncovers nothing: each message that has the field marks it
 * again before it is encoded for the next hop, so no marked value is ever in a table.
 */
export class SensitiveNames {
  readonly #names = new Set<string>();
  readonly #limit: number;

  constructor(limit = 256) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#names.size;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  add(name: string): void {
    if (this.#names.has(name) || indexingOf(name) === 'never' || name.startsWith(':')) return;
    if (this.#names.size >= this.#limit) {
      for (const oldest of this.#names) {
        this.#names.delete(oldest);
        break;
      }
    }
    this.#names.add(name);
  }
}
