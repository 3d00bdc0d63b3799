import { createHash, timingSafeEqual } from 'node:crypto';
import { readTextFile } from '../config/yaml-file.ts';

/** What came of looking at a proof. `unavailable`: it could not be found out; the gateway is to ask again. */
export type ProofVerdict =
  | { readonly kind: 'accepted' }
  /** `reason` says nothing that helps a guesser. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** How a gateway of this cluster proves that it is one, before it has an SVID. */
export interface GatewayProof {
  /** Never throws. */
  check(proof: string): Promise<ProofVerdict>;
}

/** A secret that lies in a file on both sides. */
export class SecretFileProof implements GatewayProof {
  readonly #read: () => Promise<string>;

  /** @param read gives what the file holds now, so that the secret can be changed */
  constructor(read: () => Promise<string>) {
    this.#read = read;
  }

  /** @throws UserError when the file cannot be read, which is better told at the start than to a gateway. */
  static async ofFile(path: string): Promise<SecretFileProof> {
    await readTextFile(path);
    return new SecretFileProof(() => readTextFile(path));
  }

  async check(proof: string): Promise<ProofVerdict> {
    try {
      if (sameText(proof, await this.#read())) return { kind: 'accepted' };
    } catch (failure) {
      return { kind: 'unavailable', reason: failure instanceof Error ? failure.message : String(failure) };
    }
    return { kind: 'refused', reason: 'the proof is not the content of the gateways’ secret file' };
  }
}

/** Takes the same time wherever they differ; an empty secret is like nothing. */
function sameText(found: string, secret: string): boolean {
  const [a, b] = [found.trim(), secret.trim()].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b) && secret.trim() !== '';
}
