import { IdentityError, parseSpiffeId, type TrustDomain } from '../../federation/model/identity.ts';

const MAX_KNOWN = 1024;

/**
 * The caller names that one connection has used, already checked: a trunk carries the same few callers again and
 * again. Bounded, since the peer chooses the names.
 */
export class CallerIdentities {
  readonly #trustDomains = new Map<string, TrustDomain | undefined>();

  /** The trust domain of a SPIFFE ID, or undefined when the text is none. */
  trustDomainOf(text: string): TrustDomain | undefined {
    const known = this.#trustDomains.get(text);
    if (known !== undefined) return known;
    const trustDomain = parse(text);
    if (trustDomain !== undefined) {
      if (this.#trustDomains.size >= MAX_KNOWN) this.#trustDomains.clear();
      this.#trustDomains.set(text, trustDomain);
    }
    return trustDomain;
  }
}

function parse(text: string): TrustDomain | undefined {
  try {
    return parseSpiffeId(text).trustDomain;
  } catch (failure) {
    if (failure instanceof IdentityError) return undefined;
    throw failure;
  }
}
