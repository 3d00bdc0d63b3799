import { UserError } from '../../federation/model/user-error.ts';

export type Loss = 'kill' | 'freeze';

export type DemoStore =
  | { readonly kind: 'memory' }
  /** A `redis-server` that the demo starts and ends. */
  | { readonly kind: 'own-redis' }
  | { readonly kind: 'foreign-redis'; readonly url: string };

export type DemoMode =
  /** Keys decide what happens. */
  | { readonly kind: 'keys' }
  /** The loss, the failover and the failback happen by themselves, at a pace that can be watched. */
  | { readonly kind: 'tour' }
  /** The tour under load for so many seconds; one JSON object as the last line of stdout. */
  | { readonly kind: 'measured'; readonly seconds: number };

export interface DemoOptions {
  readonly mode: DemoMode;
  readonly loss: Loss;
  readonly store: DemoStore;
  readonly redisOutageSeconds: number;
}

/** What the command line gives, as commander leaves it. */
export interface DemoFlags {
  readonly tour?: boolean;
  readonly json?: boolean;
  readonly seconds?: string;
  readonly loss: string;
  readonly redis?: string | true;
  readonly redisOutage?: string;
}

/** Less does not hold the loss, the whole failback and a calm stretch before and after. */
export const MIN_SECONDS = 24;
const MAX_SECONDS = 3_600;
const DEFAULT_SECONDS = 40;

/** @throws UserError with exit code 2 for a combination that makes no sense. */
export function parseDemoFlags(flags: DemoFlags): DemoOptions {
  if (flags.loss !== 'kill' && flags.loss !== 'freeze')
    throw usage(`--loss ${flags.loss}: it is kill or freeze`);
  const store = parseStore(flags.redis);
  const mode = parseMode(flags);
  const redisOutageSeconds =
    flags.redisOutage === undefined ? 0 : seconds('--redis-outage', flags.redisOutage, 1);
  if (redisOutageSeconds > 0 && store.kind !== 'own-redis') {
    throw usage(
      '--redis-outage kills Redis, which the demo does only to one that it started itself',
      '--redis',
    );
  }
  if (redisOutageSeconds > 0 && (mode.kind !== 'measured' || redisOutageSeconds > mode.seconds / 2)) {
    throw usage('--redis-outage needs --json and at least twice as many --seconds');
  }
  return { mode, loss: flags.loss, store, redisOutageSeconds };
}

function parseMode(flags: DemoFlags): DemoMode {
  if (flags.json === true) {
    return {
      kind: 'measured',
      seconds:
        flags.seconds === undefined ? DEFAULT_SECONDS : seconds('--seconds', flags.seconds, MIN_SECONDS),
    };
  }
  if (flags.seconds !== undefined) throw usage('--seconds says how long to measure, and needs --json');
  return flags.tour === true ? { kind: 'tour' } : { kind: 'keys' };
}

function parseStore(redis: string | true | undefined): DemoStore {
  if (redis === undefined) return { kind: 'memory' };
  if (redis === true) return { kind: 'own-redis' };
  if (!/^rediss?:\/\/[^/]+/.test(redis)) throw usage('--redis: not a redis:// or rediss:// URL');
  return { kind: 'foreign-redis', url: redis };
}

function seconds(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > MAX_SECONDS) {
    throw usage(`${flag} ${text}: a whole number from ${least} to ${MAX_SECONDS}`);
  }
  return value;
}

function usage(message: string, use?: string): UserError {
  return new UserError(message, {
    hint:
      use === undefined ? 'see isthmus demo --help' : `use ${use} without a URL, or see isthmus demo --help`,
    exitCode: 2,
  });
}
