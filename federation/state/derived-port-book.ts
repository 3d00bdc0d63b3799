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
    const holders = new Map(written.map((grant) => [grant.port, grant]));
    const isKnown = ({ target, port }: DerivedPort): boolean => holders.get(port)?.target === target;
    const isInUse = ({ port }: DerivedPort): boolean =>
      holders.has(port) && holders.get(port)?.releasedAtMs === undefined;
    // Whoever may make Services in one namespace can label one as derived: it must not take another service's port.
    const grants = derived
      .filter((one) => isKnown(one) || !isInUse(one))
      .sort((a, b) => Number(isKnown(b)) - Number(isKnown(a)) || (a.target < b.target ? -1 : 1))
      .map(({ target, port }) => ({ target, port, releasedAtMs: undefined }));
    return [...grants, ...written];
  }

  /** The derived Services are written by whoever keeps them, from the snapshot that has the ports. */
  write(grants: readonly PortGrant[]): Promise<void> {
    return this.#other.write(grants);
  }
}
