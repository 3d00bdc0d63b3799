import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../../federation/runtime/clock.ts';
import type { KubeClient } from '../kube-client.ts';

/** What came of looking at a token. `unavailable`: the API server could not be asked. */
export type TokenVerdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface TokenProofOptions {
  readonly client: Pick<KubeClient, 'tokenReview'>;
  readonly clock: Clock;
  /** Whose token it must be. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string };
  readonly audience: string;
}

/** A token that was good a minute ago is taken for good: gateways of a restart come all at once. */
const ACCEPTED_MS = 60_000;
const REFUSED_MS = 5_000;
const MAX_KEPT = 1000;
const MAX_AT_ONCE = 8;
const TIMEOUT_MS = 5_000;
/** RFC 7515, section 3.1: three parts in base64url. Nothing else is worth a question. */
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const NOT_OURS = 'the token is not of this cluster’s gateways, or no longer good';

const claims = z.object({
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(),
});

interface Kept {
  readonly verdict: TokenVerdict;
  readonly untilMs: number;
}

/**
 * A gateway proves itself by the token of its service account, which kubelet projects and renews; whether it is
 * genuine the API server says (TokenReview). Tokens are kept as hashes only, and never told.
 */
export class TokenProof {
  readonly #options: TokenProofOptions;
  readonly #kept = new Map<string, Kept>();
  #asking = 0;

  constructor(options: TokenProofOptions) {
    this.#options = options;
  }

  /** Never throws. */
  async check(proof: string): Promise<TokenVerdict> {
    const token = proof.trim();
    const nowMs = this.#options.clock.now();
    const expiresAtMs = this.#expiryIfOurs(token, nowMs);
    if (expiresAtMs === undefined) return { kind: 'refused', reason: NOT_OURS };
    const key = createHash('sha256').update(token).digest('base64url');
    const kept = this.#kept.get(key);
    if (kept !== undefined && nowMs < kept.untilMs) return kept.verdict;
    const verdict = await this.#ask(token);
    if (verdict.kind !== 'unavailable') {
      const forMs = verdict.kind === 'accepted' ? ACCEPTED_MS : REFUSED_MS;
      this.#keep(key, { verdict, untilMs: Math.min(expiresAtMs, this.#options.clock.now() + forMs) });
    }
    return verdict;
  }

  /** What the token says of itself, unproven: who cannot be meant costs the API server nothing. */
  #expiryIfOurs(token: string, nowMs: number): number | undefined {
    if (!COMPACT_JWS.test(token)) return undefined;
    const said = claims.safeParse(parsePayload(token.split('.')[1] ?? ''));
    if (!said.success) return undefined;
    const { sub, aud, exp } = said.data;
    const meant = sub === this.#username && [aud].flat().includes(this.#options.audience);
    return meant && exp * 1000 > nowMs ? exp * 1000 : undefined;
  }

  async #ask(token: string): Promise<TokenVerdict> {
    const { client, audience } = this.#options;
    if (this.#asking >= MAX_AT_ONCE) return { kind: 'unavailable', reason: 'too many gateways ask at once' };
    this.#asking += 1;
    try {
      const review = await client.tokenReview(token, [audience], { timeoutMs: TIMEOUT_MS });
      const good =
        review.authenticated && review.username === this.#username && review.audiences.includes(audience);
      return good ? { kind: 'accepted' } : { kind: 'refused', reason: NOT_OURS };
    } catch (failure) {
      const said = failure instanceof Error ? failure.message : String(failure);
      return { kind: 'unavailable', reason: `the token could not be checked: ${said}` };
    } finally {
      this.#asking -= 1;
    }
  }

  get #username(): string {
    const { namespace, name } = this.#options.serviceAccount;
    return `system:serviceaccount:${namespace}:${name}`;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size > MAX_KEPT) this.#kept.delete(oldest);
  }
}

function parsePayload(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    // Not a JWT: the schema refuses what is not there.
    return undefined;
  }
}
