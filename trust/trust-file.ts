import { access, open } from 'node:fs/promises';
import { UserError } from '../federation/model/user-error.ts';
import { writeDurably } from '../federation/runtime/durable-file.ts';

/** Secret: only for its owner. */
export type TrustFileMode = 'public' | 'secret';

const MAX_FILE_BYTES = 1024 * 1024;
const GROUP_AND_OTHERS = 0o077;

/** The content of a file of ours, or undefined when there is none. @throws UserError when it cannot be read. */
export async function readTrustFile(path: string, content: TrustFileMode): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (size > MAX_FILE_BYTES)
      throw new UserError(`${path}: larger than 1 MiB`, { hint: 'name the right file' });
    if (content === 'secret') checkMode(path, mode);
    return await file.readFile('utf8');
  } catch (failure) {
    if (isMissing(failure)) return undefined;
    if (failure instanceof UserError) throw failure;
    throw cannotRead(path, failure);
  }
}

/** As ssh does it: a key that others on the machine can read is no longer one's own. */
function checkMode(path: string, mode: number): void {
  // Windows has no such bits; what stat reports there says nothing.
  if (process.platform === 'win32' || (mode & GROUP_AND_OTHERS) === 0) return;
  throw new UserError(`${path}: mode ${(mode & 0o777).toString(8)} lets others read the key`, {
    hint: `chmod 600 ${path}, and replace the key if somebody may have read it`,
  });
}

/** As `writeDurably`: whole or not at all. @throws UserError naming the file. */
export async function writeTrustFile(path: string, content: string, mode: TrustFileMode): Promise<void> {
  try {
    await writeDurably(path, content, mode === 'secret' ? 0o600 : 0o644);
  } catch (failure) {
    throw new UserError(`${path}: cannot be written: ${reasonOf(failure)}`, {
      hint: 'check free space, and the owner and mode of its folder',
      cause: failure,
    });
  }
}

/** @throws UserError when that cannot be found out. */
export async function trustFileExists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (failure) {
    if (isMissing(failure)) return false;
    throw cannotRead(path, failure);
  }
}

function isMissing(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'ENOENT';
}

function cannotRead(path: string, failure: unknown): UserError {
  return new UserError(`${path}: cannot be read: ${reasonOf(failure)}`, {
    hint: 'check its owner and mode',
    cause: failure,
  });
}

function reasonOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
