import { readTextFile } from '../../federation/config/yaml-file.ts';
import { hostPort } from '../../federation/model/endpoint.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { certificatesFromPem, PemError } from '../../trust/pem.ts';
import type { StoreAdmin, StoreLocation } from '../folder/store-access.ts';
import { parseHostPort } from './address.ts';
import { readStdin } from './stdin.ts';
import { usageError } from './usage-error.ts';

/** What init takes about the store, as commander leaves it. */
export interface StoreFlags {
  readonly store: readonly string[];
  readonly storeCa?: string;
  readonly storeSentinel?: string;
  readonly storeCluster?: boolean;
  readonly storeAdminUser?: string;
  readonly storeAdminPasswordFile?: string;
}

export interface StoreChoice {
  readonly location: StoreLocation;
  readonly admin: StoreAdmin | undefined;
}

export const ADMIN_PASSWORD_VARIABLE = 'ISTHMUS_STORE_ADMIN_PASSWORD';
const REDIS_PORT = 6379;
/** Redis' own superuser, which holds where nobody made another. */
const DEFAULT_USER = 'default';
const CREDENTIALS_HINT = `arguments are seen by everyone on the machine: use --store-admin-user, and --store-admin-password-file or the environment variable ${ADMIN_PASSWORD_VARIABLE}`;

/**
 * Reads the store's flags, and the files that they name. `passwordFromEnvironment` counts when no file is named; the
 * file `-` is stdin.
 * @throws UserError with exit code 2 for what cannot be meant so.
 */
export async function parseStoreFlags(
  flags: StoreFlags,
  passwordFromEnvironment: string | undefined,
  stdin: AsyncIterable<Uint8Array> = process.stdin,
): Promise<StoreChoice> {
  const location = await parseLocation(flags);
  if (location.kind === 'redis') {
    return { location, admin: await parseAdmin(flags, passwordFromEnvironment, stdin) };
  }
  if (flags.storeAdminUser !== undefined || flags.storeAdminPasswordFile !== undefined) {
    throw usageError('the memory store has no users', 'leave the flags of the store admin out');
  }
  return { location, admin: undefined };
}

async function parseLocation(flags: StoreFlags): Promise<StoreLocation> {
  const memory = flags.store.filter((text) => text.startsWith('memory:'));
  const { storeSentinel: sentinel, storeCluster: cluster, storeCa } = flags;
  if (memory.length > 0) {
    if (flags.store.length > 1) {
      throw usageError('--store: a memory store is one address', 'give --store once');
    }
    const redisOnly = { '--store-sentinel': sentinel, '--store-cluster': cluster, '--store-ca': storeCa };
    const misplaced = Object.entries(redisOnly).find(([, value]) => value !== undefined);
    if (misplaced !== undefined) {
      throw usageError(`${misplaced[0]}: the memory store has none`, 'leave it out, or use a Redis store');
    }
    return { kind: 'memory', address: parseMemory(memory[0] ?? '') };
  }
  if (sentinel !== undefined && cluster === true) {
    throw usageError('--store-sentinel and --store-cluster exclude each other', 'give the one that fits');
  }
  const urls = flags.store.map(parseRedisUrl);
  const caPem = storeCa === undefined ? undefined : await readCa(storeCa, urls);
  return {
    kind: 'redis',
    urls,
    ...(caPem === undefined ? {} : { caPem }),
    ...(sentinel === undefined ? {} : { sentinel: { name: sentinel } }),
    ...(cluster === true ? { cluster } : {}),
  };
}

function parseMemory(text: string): string {
  const { host, port } = parseHostPort('--store', text.replace(/^memory:(\/\/)?/, ''));
  return hostPort(host, port);
}

function parseRedisUrl(text: string): string {
  const url = /^rediss?:\/\//.test(text) ? URL.parse(text) : null;
  if (url === null || url.hostname === '') {
    // Not repeated: what is not a URL may still hold a password.
    throw usageError(
      '--store: one is not memory://HOST:PORT, redis://HOST:PORT or rediss://HOST:PORT',
      'rediss is Redis over TLS',
    );
  }
  if (url.password !== '' || url.username !== '') {
    const what = url.password === '' ? 'a user' : 'a password';
    throw usageError(`--store ${url.protocol}//…@${url.host}: has ${what} in it`, CREDENTIALS_HINT);
  }
  if (!/^\/?\d{0,5}$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    throw usageError(
      `--store ${url.protocol}//${url.host}: has more than an address and the number of a database`,
      'leave the rest out',
    );
  }
  const address = `${url.protocol}//${url.hostname}:${url.port === '' ? REDIS_PORT : url.port}`;
  return url.pathname.length > 1 ? `${address}${url.pathname}` : address;
}

async function readCa(path: string, urls: readonly string[]): Promise<string> {
  if (urls.some((url) => url.startsWith('redis://'))) {
    throw usageError('--store-ca: the store is not reached over TLS', 'use rediss:// in each --store');
  }
  const pem = await readTextFile(path);
  try {
    certificatesFromPem(pem);
    return pem;
  } catch (failure) {
    if (!(failure instanceof PemError)) throw failure;
    throw new UserError(`${path}: ${failure.message}`, {
      hint: "--store-ca names the PEM file of the authority behind the store's certificate",
      cause: failure,
    });
  }
}

async function parseAdmin(
  flags: StoreFlags,
  fromEnvironment: string | undefined,
  stdin: AsyncIterable<Uint8Array>,
): Promise<StoreAdmin | undefined> {
  const password = await adminPassword(flags.storeAdminPasswordFile, fromEnvironment, stdin);
  if (password !== undefined) return { username: flags.storeAdminUser ?? DEFAULT_USER, password };
  if (flags.storeAdminUser === undefined) return undefined;
  throw usageError('--store-admin-user: has no password', CREDENTIALS_HINT);
}

async function adminPassword(
  path: string | undefined,
  fromEnvironment: string | undefined,
  stdin: AsyncIterable<Uint8Array>,
): Promise<string | undefined> {
  if (path === undefined) return fromEnvironment === '' ? undefined : fromEnvironment;
  const text = path === '-' ? await readStdin(stdin, 'a password') : await readTextFile(path);
  const password = text.replace(/\r?\n$/, '');
  if (password !== '' && !/[\r\n]/.test(password)) return password;
  throw new UserError(`${path === '-' ? 'stdin' : path}: does not hold a password alone on its only line`, {
    hint: 'write the password of the store admin to it, and nothing else',
  });
}
