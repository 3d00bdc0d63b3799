import { z } from 'zod';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { MANAGED_BY, SECRETS } from './resource-types.ts';

/** An expired invite is told from an unknown one for this long. */
const FORGET_AFTER_MS = 24 * 3_600_000;
/** At some 200 bytes each this is far from what a Secret takes. */
const MAX_INVITES = 1000;
const MAX_TRIES = 20;

export const keptInvite = z.strictObject({
  cluster: z.string(),
  secretHash: z.string(),
  expiresAtMs: z.int(),
  usedAtMs: z.int().optional(),
});

export type KeptInvite = z.infer<typeof keptInvite>;
export type KeptInvites = ReadonlyMap<string, KeptInvite>;

const secretSchema = z.object({
  metadata: z.object({ uid: z.string(), resourceVersion: z.string() }),
  data: z.record(z.string(), z.base64()).nullish(),
});

export interface InvitesSecretOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update'>;
  readonly namespace: string;
  readonly name: string;
}

interface Version {
  readonly uid: string;
  readonly resourceVersion: string;
}

/**
 * All invites of a trust home in one Secret, each under its id. A change is written over the version that it was decided
 * on, or decided anew: so of all replicas that redeem an invite at once, one does.
 */
export class InvitesSecret {
  readonly #options: InvitesSecretOptions;

  constructor(options: InvitesSecretOptions) {
    this.#options = options;
  }

  /** @throws KubeError */
  async read(): Promise<KeptInvites> {
    return (await this.#read()).invites;
  }

  /**
   * @param decide what the invites shall be, or undefined to leave them; called again when they changed meanwhile
   * @throws KubeError
   */
  async change(nowMs: number, decide: (invites: KeptInvites) => KeptInvites | undefined): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { invites, version } = await this.#read();
      const next = decide(invites);
      if (next === undefined) return;
      try {
        await this.#write(remembered(next, nowMs), version);
        return;
      } catch (failure) {
        if (!KubeError.isConflict(failure) || tries >= MAX_TRIES) throw failure;
      }
    }
  }

  async #read(): Promise<{ readonly invites: KeptInvites; readonly version: Version | undefined }> {
    const { client, namespace, name } = this.#options;
    try {
      const found = secretSchema.parse(await client.get(SECRETS, { namespace, name }));
      const entries = Object.entries(found.data ?? {}).map(
        ([id, value]) => [id, parseInvite(value)] as const,
      );
      return { invites: new Map(entries), version: found.metadata };
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return { invites: new Map(), version: undefined };
      throw failure;
    }
  }

  async #write(invites: KeptInvites, version: Version | undefined): Promise<void> {
    const { client, namespace, name } = this.#options;
    const data = Object.fromEntries(
      [...invites].map(([id, invite]) => [id, Buffer.from(JSON.stringify(invite)).toString('base64')]),
    );
    const object = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', data };
    const metadata = { name, namespace, labels: MANAGED_BY };
    if (version === undefined) await client.create(SECRETS, { ...object, metadata });
    else await client.update(SECRETS, { ...object, metadata: { ...metadata, ...version } });
  }
}

function parseInvite(value: string): KeptInvite {
  return keptInvite.parse(JSON.parse(Buffer.from(value, 'base64').toString('utf8')));
}

/** Without those that are long over; the youngest, where there are too many. */
function remembered(invites: KeptInvites, nowMs: number): KeptInvites {
  const live = [...invites].filter(([, { expiresAtMs }]) => nowMs < expiresAtMs + FORGET_AFTER_MS);
  live.sort(([, one], [, other]) => other.expiresAtMs - one.expiresAtMs);
  return new Map(live.slice(0, MAX_INVITES));
}
