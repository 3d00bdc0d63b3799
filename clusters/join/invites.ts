import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface NewInvite {
  readonly id: string;
  readonly secret: string;
}

/** What a trust home writes down of an invite. */
export interface InviteRecord {
  readonly cluster: string;
  /** SHA-256 of the secret, hex: the secret itself is only in the token. */
  readonly secretHash: string;
  readonly expiresAtMs: number;
}

export type Redemption =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: 'unknown' | 'expired' | 'used' | 'other-cluster' };

/** Who shows an invite, and when. */
export interface InviteClaim {
  readonly id: string;
  readonly secret: string;
  readonly cluster: string;
  readonly nowMs: number;
}

/** The invites that a trust home gave out. Each opens the door once. */
export interface Invites {
  create(cluster: string, expiresAtMs: number, nowMs: number): Promise<NewInvite>;
  /** Checks an invite without using it up. */
  check(claim: InviteClaim): Promise<Redemption>;
  /** Uses an invite up; of any number at once only one is accepted. */
  redeem(claim: InviteClaim): Promise<Redemption>;
}

const ID = /^[A-Za-z0-9_-]{16,64}$/;

export function isInviteId(id: string): boolean {
  return ID.test(id);
}

export function makeInvite(
  cluster: string,
  expiresAtMs: number,
): { readonly invite: NewInvite; readonly record: InviteRecord } {
  const id = randomBytes(18).toString('base64url');
  const secret = randomBytes(32).toString('base64url');
  return {
    invite: { id, secret },
    record: { cluster, secretHash: hash(secret).toString('hex'), expiresAtMs },
  };
}

/** @param record undefined = there is none of that id */
export function judgeInvite(
  record: InviteRecord | undefined,
  used: boolean,
  { secret, cluster, nowMs }: InviteClaim,
): Redemption {
  // Somebody who only knows an id learns no more than somebody who knows nothing.
  if (record === undefined || !timingSafeEqual(hash(secret), Buffer.from(record.secretHash, 'hex'))) {
    return { kind: 'refused', reason: 'unknown' };
  }
  if (used) return { kind: 'refused', reason: 'used' };
  if (nowMs >= record.expiresAtMs) return { kind: 'refused', reason: 'expired' };
  if (record.cluster !== cluster) return { kind: 'refused', reason: 'other-cluster' };
  return { kind: 'accepted' };
}

function hash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
