import { createHash } from 'node:crypto';
import type { SpiffeId } from '../federation/model/identity.ts';
import type { TrustBundles } from './bundle.ts';
import { parseCertificate } from './certificate.ts';
import { checkLeafRules, checkValidity } from './leaf.ts';
import { type VerifiedSvid, verifySvidChain } from './svid-chain.ts';

interface KnownChain {
  readonly verified: VerifiedSvid;
  /** The very list under which it was verified: a changed bundle is another list. */
  readonly roots: readonly Uint8Array[] | undefined;
}

/** What the rules for a leaf alone said of it. */
interface KnownLeaf {
  readonly id: SpiffeId;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/**
 * Remembers chains, and leaves by themselves, that were found good, by their hash, the least recently used going first.
 * Validity is checked on every use, and a new list of roots for the trust domain makes a chain worthless. Failures are
 * not kept.
 */
export class ChainCache {
  readonly #chains: Recent<KnownChain>;
  readonly #leaves: Recent<KnownLeaf>;

  constructor(capacity = 1024) {
    this.#chains = new Recent(capacity);
    this.#leaves = new Recent(capacity);
  }

  /** Of chains. */
  get size(): number {
    return this.#chains.size;
  }

  /**
   * @param chain leaf first
   * @throws SvidError as `verifySvid` does.
   */
  verify(chain: readonly Uint8Array[], bundles: TrustBundles, nowMs: number): VerifiedSvid {
    const key = chainKey(chain);
    const known = this.#chains.take(key);
    if (known !== undefined && known.roots === bundles.get(known.verified.id.trustDomain)) {
      checkValidity(known.verified, nowMs);
      this.#chains.put(key, known);
      return known.verified;
    }
    const verified = verifySvidChain(chain, bundles, nowMs);
    this.#chains.put(key, { verified, roots: bundles.get(verified.id.trustDomain) });
    return verified;
  }

  /** Who a leaf is whose chain was verified before. @throws SvidError as `checkLeaf` does. */
  leaf(der: Uint8Array, nowMs: number): SpiffeId {
    const key = chainKey([der]);
    const known = this.#leaves.take(key) ?? readLeaf(der, nowMs);
    checkValidity(known, nowMs);
    this.#leaves.put(key, known);
    return known.id;
  }
}

function readLeaf(der: Uint8Array, nowMs: number): KnownLeaf {
  const leaf = parseCertificate(der);
  const id = checkLeafRules(leaf, nowMs);
  return { id, notBeforeMs: leaf.notBeforeMs, notAfterMs: leaf.notAfterMs };
}

/** A map that forgets what was put longest ago when it is full. */
class Recent<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  take(key: string): Value | undefined {
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    return value;
  }

  put(key: string, value: Value): void {
    this.#entries.set(key, value);
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
