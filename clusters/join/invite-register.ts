import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readIfThere, writeDurably } from '../../federation/runtime/durable-file.ts';
import {
  type InviteClaim,
  type InviteRecord,
  type Invites,
  isInviteId,
  judgeInvite,
  makeInvite,
  type NewInvite,
  type Redemption,
} from './invites.ts';

const invite = z.strictObject({ cluster: z.string(), secretHash: z.string(), expiresAtMs: z.int() });

/** Invites in a folder, a file each. */
export class InviteRegister implements Invites {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async create(cluster: string, expiresAtMs: number): Promise<NewInvite> {
    const made = makeInvite(cluster, expiresAtMs);
    await writeDurably(this.#path(made.invite.id, 'json'), `${JSON.stringify(made.record)}\n`);
    return made.invite;
  }

  async check(claim: InviteClaim): Promise<Redemption> {
    const record = isInviteId(claim.id) ? await this.#read(claim.id) : undefined;
    return judgeInvite(record, record !== undefined && (await this.#isUsed(claim.id)), claim);
  }

  async redeem(claim: InviteClaim): Promise<Redemption> {
    const checked = await this.check(claim);
    if (checked.kind === 'refused') return checked;
    try {
      // Exclusive creation is the one step that two redemptions cannot both take.
      await createDurably(this.#path(claim.id, 'used'), `${claim.nowMs}\n`);
      return { kind: 'accepted' };
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code === 'EEXIST') return { kind: 'refused', reason: 'used' };
      throw failure;
    }
  }

  async #read(id: string): Promise<InviteRecord | undefined> {
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
