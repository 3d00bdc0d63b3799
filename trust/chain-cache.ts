import { createHash } from 'node:crypto';
import type { TrustBundles } from './bundle.ts';
import { checkValidity } from './leaf.ts';
import { type VerifiedSvid, verifySvidChain } from './svid-chain.ts';

interface Entry {
  readonly verified: VerifiedSvid;
  /** The very list under which it was verified: a changed bundle is another list. */
  readonly roots: readonly Uint8Array[] | undefined;
}

/**
 * Remembers chains that were found good, by their hash, the least recently used going first. Validity is checked
 * on every use, and a new list of roots for the trust domain makes an entry worthless. Failures are not kept.
 */
export class ChainCache {
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;

  constructor(capacity = 1024) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * @param chain leaf first
   * @throws SvidError as `verifySvid` does.
   */
  verify(chain: readonly Uint8Array[], bundles: TrustBundles, nowMs: number): VerifiedSvid {
    const key = chainKey(chain);
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    if (entry !== undefined && entry.roots === bundles.get(entry.verified.id.trustDomain)) {
      checkValidity(entry.verified, nowMs);
      this.#entries.set(key, entry);
      return entry.verified;
    }
    const verified = verifySvidChain(chain, bundles, nowMs);
    this.#entries.set(key, { verified, roots: bundles.get(verified.id.trustDomain) });
    this.#trim();
    return verified;
  }

  #trim(): void {
    if (this.#entries.size <= this.#capacity) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

function chainKey(chain: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const der of chain) hash.update(`${der.length}:`).update(der);
  return hash.digest('base64');
}
