import { UserError } from '../../model/user-error.ts';
import { describeLocation, type RedisLocation, userOf } from './location.ts';
import { ReplyShapeError } from './reply.ts';

/** What went wrong with a Redis, and whether it still answers. */
export interface RedisFailure {
  /** `refused`: the connection is good, what was asked is not allowed or not possible. */
  readonly kind: 'unreachable' | 'refused';
  readonly error: UserError;
}

/** The reply's first word, as Redis documents its error prefixes; else a code of the operating system or OpenSSL. */
interface Rule {
  readonly matches: RegExp;
  readonly kind: RedisFailure['kind'];
  readonly message: (where: string, user: string, detail: string) => string;
  readonly hint: string;
}

const RULES: readonly Rule[] = [
  {
    matches: /^WRONGPASS|invalid username-password pair/,
    kind: 'unreachable',
    message: (where, user) => `${where} refuses the password of user ${user}`,
    hint: 'check store.username and the password file; isthmus cluster invite makes a user for a new cluster',
  },
  {
    matches: /^NOAUTH|Authentication required/,
    kind: 'unreachable',
    message: (where, user) => `${where} wants a password, and none is set for user ${user}`,
    hint: 'set store.username and store.passwordFile',
  },
  {
    matches: /^NOPERM/,
    kind: 'refused',
    message: (where, user, detail) => `${where} does not permit user ${user} what Isthmus needs: ${detail}`,
    hint: 'make the user as isthmus cluster invite does, on every node (Redis does not replicate users)',
  },
  {
    matches: /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|HOSTNAME_MISMATCH/,
    kind: 'unreachable',
    message: (where, _user, detail) => `the TLS certificate of ${where} is not trusted: ${detail}`,
    hint: 'set store.caFile to the authority behind it; its names must cover the address in store.urls',
  },
  {
    matches: /EPROTO|SSL|WRONG_VERSION_NUMBER|packet length too long/,
    kind: 'unreachable',
    message: (where, _user, detail) => `TLS with ${where} failed: ${detail}`,
    hint: 'use redis:// where the server speaks no TLS on this port, rediss:// where it does',
  },
  {
    matches: /^(MISCONF|OOM|READONLY|NOREPLICAS|LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|UNBLOCKED)/,
    kind: 'refused',
    message: (where, _user, detail) => `${where} cannot take the command now: ${detail}`,
    hint: 'look at the server’s own log; publishing goes on by itself when it takes commands again',
  },
  {
    matches:
      /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ECONNRESET|EPIPE|ENOENT|there is no connection/,
    kind: 'unreachable',
    message: (where, _user, detail) => `${where} cannot be reached: ${detail}`,
    hint: 'check that it runs and that store.urls names it; traffic goes on with what is known meanwhile',
  },
  {
    matches: /sentinel/i,
    kind: 'unreachable',
    message: (where, _user, detail) => `${where} cannot be found: ${detail}`,
    hint: 'check store.urls (the sentinels) and store.sentinel.name (the master’s name there)',
  },
];

/** Says it for the person who runs Isthmus: the address is named, the password never. */
export function describeRedisFailure(failure: unknown, location: RedisLocation): RedisFailure {
  if (failure instanceof UserError) return { kind: 'refused', error: failure };
  const where = `the store ${describeLocation(location)}`;
  const detail = detailOf(failure);
  const searched = `${detail} ${codeOf(failure)}`;
  const rule = RULES.find(({ matches }) => matches.test(searched));
  if (rule !== undefined) {
    const message = rule.message(where, userOf(location), detail);
    return { kind: rule.kind, error: new UserError(message, { hint: rule.hint, cause: failure }) };
  }
  const refused =
    failure instanceof ReplyShapeError || (failure instanceof Error && failure.name === 'ReplyError');
  return {
    kind: refused ? 'refused' : 'unreachable',
    error: new UserError(`${where} ${refused ? 'gives an error' : 'does not answer'}: ${detail}`, {
      hint: 'isthmus cluster check tries the connection and the permissions',
      cause: failure,
    }),
  };
}

/** One line, bounded; servers and proxies may say anything. */
function detailOf(failure: unknown): string {
  const text = failure instanceof Error ? failure.message || codeOf(failure) : String(failure);
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 300);
}

function codeOf(failure: unknown): string {
  return failure instanceof Error && 'code' in failure ? String(failure.code) : '';
}
