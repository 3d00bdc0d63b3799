import { createHash } from 'node:crypto';
import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { storeLocation } from '../folder/store-access.ts';

const PREFIX = 'isthmus1.';
/** A root, a store's CA and some addresses; nothing honest is larger. */
const MAX_TOKEN_CHARACTERS = 200_000;
const CHECKSUM_CHARACTERS = 16;

const content = z.strictObject({
  clusterset: z.string().min(1).max(255),
  /** The name that the joining cluster must take. */
  cluster: z.string().min(1).max(63),
  invitedBy: z.string().min(1).max(63),
  /** `host:port` of the inviting cluster's gateways. */
  gateways: z.array(z.string().min(1).max(300)).min(1).max(32),
  rootPem: z.string().min(1).max(65_536),
  inviteId: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/),
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  store: storeLocation,
  storeUser: z.strictObject({ username: z.string().min(1), password: z.string().min(1) }).optional(),
  expiresAtMs: z.int().positive(),
});

/** Everything that a cluster needs to join, once. A secret: whoever has it can join in the named cluster's stead. */
export type JoinToken = z.infer<typeof content>;

export function printToken(token: JoinToken): string {
  const body = Buffer.from(JSON.stringify(token)).toString('base64url');
  return `${PREFIX}${body}.${checksum(body)}`;
}

/**
 * Reads a token and tells a mistyped, cut or altered one before anything is dialled. Whether it is still good, only
 * the cluster that made it knows.
 * @throws UserError with exit code 2; the token itself is never in the message.
 */
export function parseToken(text: string): JoinToken {
  const trimmed = text.trim();
  if (trimmed.length > MAX_TOKEN_CHARACTERS || !trimmed.startsWith(PREFIX)) {
    throw refused('this is not a join token: it does not begin with isthmus1.');
  }
  const [body, sum, more] = trimmed.slice(PREFIX.length).split('.');
  if (body === undefined || sum === undefined || more !== undefined || sum !== checksum(body)) {
    throw refused('the join token was altered or is not whole: its checksum does not match');
  }
  const parsed = content.safeParse(parseJson(Buffer.from(body, 'base64url').toString()));
  if (!parsed.success) throw refused('the join token does not hold what this version of isthmus needs');
  return parsed.data;
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, CHECKSUM_CHARACTERS);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The checksum held, so somebody made it so: the schema refuses what is not there.
    return undefined;
  }
}

function refused(message: string): UserError {
  return new UserError(message, {
    hint: 'copy the whole token that isthmus cluster invite printed, or make a new one',
    exitCode: 2,
  });
}
