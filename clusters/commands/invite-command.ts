import type { FolderHome } from '../folder/folder-home.ts';
import { inviteCluster } from '../folder/invite.ts';
import type { CreateStoreUser } from '../folder/store-access.ts';
import { duration } from '../schema/duration.ts';
import type { CommandOutput } from './command-output.ts';
import { warnOfPersistence } from './init-command.ts';
import { usageError } from './usage-error.ts';

export interface InviteFlags {
  readonly dir: string;
  readonly ttl: string;
  readonly force?: boolean;
}

export interface InviteContext {
  readonly output: CommandOutput;
  readonly createStoreUser: CreateStoreUser;
  readonly nowMs: number;
  readonly home?: FolderHome | undefined;
}

export const DEFAULT_TTL = '15m';
const MAX_TTL_MS = 7 * 24 * 3_600_000;

/** `isthmus cluster invite NAME`: the token alone on stdout, so that it can go straight into a file. */
export async function inviteCommand(
  cluster: string,
  flags: InviteFlags,
  context: InviteContext,
): Promise<void> {
  const { output, createStoreUser, nowMs, home } = context;
  const ttlMs = parseTtl(flags.ttl);
  const force = flags.force === true;
  await home?.pull();
  const made = await inviteCluster({
    dir: flags.dir,
    cluster,
    ttlMs,
    force,
    createStoreUser,
    nowMs,
    records: home?.records,
    gateways: await home?.advertised(),
  });
  warnOfPersistence(output, cluster, made.storeUser);
  const expiresAt = new Date(made.expiresAtMs).toISOString();
  output.result(
    { token: made.token, cluster: made.cluster, expiresAt, storeUser: made.storeUser ?? null },
    () => made.token,
  );
  output.note(
    `\nThis token lets ${cluster} in, once, until ${expiresAt}. It is a secret. Where ${cluster} is to run:\n` +
      '  isthmus cluster join --token-file FILE --region REGION --zone ZONE',
  );
}

function parseTtl(text: string): number {
  const parsed = duration.safeParse(text);
  if (parsed.success && parsed.data >= 1_000 && parsed.data <= MAX_TTL_MS) return parsed.data;
  throw usageError(`--ttl ${text}: is not a duration from 1s to 168h`, 'for example 15m or 1h30m');
}
