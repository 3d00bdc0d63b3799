import { type Authority, AuthorityError, issueSvid } from '../../trust/authority.ts';
import { type CertificateRequest, CsrError, parseCsr } from '../../trust/csr.ts';
import { gatewayDnsName, gatewayId, type TrustDomain } from '../model/identity.ts';
import type { Clock } from '../runtime/clock.ts';
import type { GatewayProof } from './gateway-proof.ts';
import { TokenBucket } from './token-bucket.ts';

/** Why no SVID was issued; says nothing that helps a guesser. */
export class IssueRefusal extends Error {
  readonly code: 'unauthenticated' | 'invalid' | 'exhausted' | 'unavailable';

  constructor(code: IssueRefusal['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface IssuerOptions {
  readonly trustDomain: TrustDomain;
  readonly intermediate: () => Authority;
  readonly proof: GatewayProof;
  readonly clock: Clock;
}

/** Anyone who reaches the port may ask: a guesser gets few tries, and signing few CPU. */
const WRONG_PROOFS = { perSecond: 1, burst: 20 };
const ISSUED = { perSecond: 10, burst: 100 };
const MAX_PROOF_LENGTH = 16_384;

/** Issues SVIDs to this cluster's gateways, which prove themselves with a secret or a service account's token. */
export class Issuer {
  readonly #options: IssuerOptions;
  readonly #wrongProofs: TokenBucket;
  readonly #issued: TokenBucket;

  constructor(options: IssuerOptions) {
    this.#options = options;
    const nowMs = options.clock.monotonic();
    this.#wrongProofs = new TokenBucket(WRONG_PROOFS, nowMs);
    this.#issued = new TokenBucket(ISSUED, nowMs);
  }

  /**
   * @returns leaf and intermediate, DER
   * @throws IssueRefusal
   */
  async issue(csrDer: Uint8Array, proof: string): Promise<readonly Uint8Array[]> {
    await this.#checkProof(proof);
    this.#spend(this.#issued);
    const { trustDomain, clock, intermediate } = this.#options;
    checkRequest(csrDer, trustDomain);
    try {
      const { chainDer } = await issueSvid(intermediate(), {
        csrDer,
        id: gatewayId(trustDomain),
        dnsNames: [gatewayDnsName(trustDomain)],
        nowMs: clock.now(),
      });
      return chainDer;
    } catch (failure) {
      if (failure instanceof AuthorityError) throw new IssueRefusal('unavailable', failure.message);
      throw failure;
    }
  }

  async #checkProof(proof: string): Promise<void> {
    const verdict = await this.#options.proof.check(proof.slice(0, MAX_PROOF_LENGTH));
    if (verdict.kind === 'accepted') return;
    if (verdict.kind === 'unavailable') throw new IssueRefusal('unavailable', verdict.reason);
    this.#spend(this.#wrongProofs);
    throw new IssueRefusal('unauthenticated', verdict.reason);
  }

  #spend(bucket: TokenBucket): void {
    if (bucket.take(this.#options.clock.monotonic())) return;
    throw new IssueRefusal('exhausted', 'too many requests: try again in some seconds');
  }
}

/** The request must ask for exactly what a gateway gets. */
function checkRequest(csrDer: Uint8Array, trustDomain: TrustDomain): void {
  const { uris, dnsNames } = parsedRequest(csrDer);
  const id = gatewayId(trustDomain).text;
  if (uris.length !== 1 || uris[0] !== id) {
    throw new IssueRefusal('invalid', `the request must be for ${id}`);
  }
  const dnsName = gatewayDnsName(trustDomain);
  if (dnsNames.some((name) => name !== dnsName)) {
    throw new IssueRefusal('invalid', `the request may name ${dnsName} only`);
  }
}

function parsedRequest(csrDer: Uint8Array): CertificateRequest {
  try {
    return parseCsr(csrDer);
  } catch (failure) {
    if (failure instanceof CsrError) throw new IssueRefusal('invalid', failure.message);
    throw failure;
  }
}
