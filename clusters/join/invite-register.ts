import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../../federation/runtime/durable-file.ts';

const ID = /^[A-Za-z0-9_-]{16,64}$/;

const invite = z.strictObject({
  cluster: z.string(),
  /** SHA-256 of the secret, hex: the secret itself is only in the token. */
  secretHash: z.string(),
  expiresAtMs: z.int(),
});

export interface NewInvite {
  readonly id: string;
  readonly secret: string;
}

export type Redemption =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: 'unknown' | 'expired' | 'used' | 'other-cluster' };

/** The invites that a trust home gave out, a file each. Each opens the door once. */
export class InviteRegister {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async create(cluster: string, expiresAtMs: number): Promise<NewInvite> {
    const id = randomBytes(18).toString('base64url');
    const secret = randomBytes(32).toString('base64url');
    const record = { cluster, secretHash: hash(secret).toString('hex'), expiresAtMs };
    await writeDurably(this.#path(id, 'json'), `${JSON.stringify(record)}\n`);
    return { id, secret };
  }

  /** Checks an invite without using it up. */
  async check(id: string, secret: string, cluster: string, nowMs: number): Promise<Redemption> {
    const record = ID.test(id) ? await this.#read(id) : undefined;
    // Somebody who only knows an id learns no more than somebody who knows nothing.
    if (record === undefined || !timingSafeEqual(hash(secret), Buffer.from(record.secretHash, 'hex'))) {
      return { kind: 'refused', reason: 'unknown' };
    }
    if (await this.#isUsed(id)) return { kind: 'refused', reason: 'used' };
    if (nowMs >= record.expiresAtMs) return { kind: 'refused', reason: 'expired' };
    if (record.cluster !== cluster) return { kind: 'refused', reason: 'other-cluster' };
    return { kind: 'accepted' };
  }

  /** Uses an invite up; of any number at once only one is accepted. */
  async redeem(id: string, secret: string, cluster: string, nowMs: number): Promise<Redemption> {
    const checked = await this.check(id, secret, cluster, nowMs);
    if (checked.kind === 'refused') return checked;
    try {
      // Exclusive creation is the one step that two redemptions cannot both take.
      await createDurably(this.#path(id, 'used'), `${nowMs}\n`);
      return { kind: 'accepted' };
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code === 'EEXIST') return { kind: 'refused', reason: 'used' };
      throw failure;
    }
  }

  async #read(id: string): Promise<z.infer<typeof invite> | undefined> {
    const text = await readIfThere(this.#path(id, 'json'));
    return text === undefined ? undefined : invite.parse(JSON.parse(text));
  }

  async #isUsed(id: string): Promise<boolean> {
    return (await readIfThere(this.#path(id, 'used'))) !== undefined;
  }

  #path(id: string, extension: string): string {
    return join(this.#folder, `${id}.${extension}`);
  }
}

/** A power cut must not make a used invite good again. @throws EEXIST when the file is there. */
async function createDurably(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function hash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
