import type { DerivedPort } from '../../clusters/kubernetes/mcs/derived-ports.ts';
import type { PortGrant } from '../snapshot/listen-ports.ts';
import type { PortBook } from './port-book.ts';

export interface DerivedPortSource {
  heard(): Promise<readonly DerivedPort[]>;
  now(): Promise<readonly DerivedPort[]>;
}

/**
 * In Kubernetes the derived Services come first: they outlast every pod, and clients hold their addresses. What they cannot
 * say (a port that is free, and may not be given to another service yet; one of a namespace that this cluster does not
 * have) is in another book, which counts only where they say nothing else.
 */
export class DerivedPortBook implements PortBook {
  readonly name: string;
  readonly mustBeRead = true;
  readonly #derived: DerivedPortSource;
  readonly #other: PortBook;

  constructor(derived: DerivedPortSource, other: PortBook) {
    this.name = other.name;
    this.#derived = derived;
    this.#other = other;
  }

  async read(takingOver: boolean): Promise<readonly PortGrant[]> {
    const derived = takingOver ? await this.#derived.now() : await this.#derived.heard();
    const written = await this.#other.read(takingOver);
    const known = new Set(written.map(textOf));
    const grants = derived
      .map(({ target, port }) => ({ target, port, releasedAtMs: undefined }))
      .sort((a, b) => (a.target < b.target ? -1 : 1));
    // Whoever may make Services in one namespace can label one as derived: it must not take another service's port.
    const { true: first = [], false: others = [] } = Object.groupBy(
      grants,
      (grant) => `${known.has(textOf(grant))}` as const,
    );
    return [...first, ...others, ...written];
  }

  /** The derived Services are written by whoever keeps them, from the snapshot that has the ports. */
  write(grants: readonly PortGrant[]): Promise<void> {
    return this.#other.write(grants);
  }
}

function textOf({ target, port }: Pick<PortGrant, 'target' | 'port'>): string {
  return `${target} ${port}`;
}
