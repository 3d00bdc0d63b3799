import type { CallerGroup, CallerGroupKey } from '../../federation/model/caller.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';

type Callers = ReadonlyMap<CallerGroupKey, CallerGroup>;

const NOBODY: ReadonlyMap<CallerGroupKey, CallerGroup> = new Map();
/** How a socket for both versions of IP writes an address of version 4. */
const MAPPED = '::ffff:';

/**
 * Whose pod has an address, in this cluster. One for all of a worker's route tables, changed by what differs from one
 * snapshot to the next: a cluster may have 100,000 pods, and tables come many times a second.
 */
export class CallerDirectory {
  readonly #identities = new Map<string, string>();
  #groups: Callers = NOBODY;

  get size(): number {
    return this.#identities.size;
  }

  /** The SPIFFE ID by a connection's `host:port`; undefined = nobody's that is known. */
  of(remoteAddress: string): string | undefined {
    let host = remoteAddress.slice(0, Math.max(0, remoteAddress.lastIndexOf(':')));
    if (host.startsWith('[')) host = host.slice(1, -1);
    if (host.startsWith(MAPPED)) host = host.slice(MAPPED.length);
    return this.#identities.get(host);
  }

  update(groups: Callers | undefined, trustDomain: TrustDomain): void {
    const next = groups ?? NOBODY;
    const before = this.#groups;
    if (next === before) return;
    this.#groups = next;
    for (const [key, group] of before) if (next.get(key) !== group) this.#forget(group);
    for (const [key, group] of next) {
      if (before.get(key) === group) continue;
      // One text for all of them.
      const identity = `spiffe://${trustDomain}/ns/${group.namespace}/sa/${group.serviceAccount}`;
      for (const address of group.addresses) this.#identities.set(address, identity);
    }
  }

  #forget({ addresses }: CallerGroup): void {
    for (const address of addresses) this.#identities.delete(address);
  }
}
