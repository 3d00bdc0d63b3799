import { open } from 'node:fs/promises';
import { UserError } from '../federation/model/user-error.ts';

const MAX_FILE_BYTES = 1024 * 1024;
const GROUP_AND_OTHERS = 0o077;

/** The content of a file of ours, or undefined when there is none. @throws UserError when it cannot be read. */
export async function readTrustFile(path: string, content: 'public' | 'secret'): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (size > MAX_FILE_BYTES)
      throw new UserError(`${path}: larger than 1 MiB`, { hint: 'name the right file' });
    if (content === 'secret') checkMode(path, mode);
    return await file.readFile('utf8');
  } catch (failure) {
    if (failure instanceof Error && 'code' in failure && failure.code === 'ENOENT') return undefined;
    if (failure instanceof UserError) throw failure;
    const reason = failure instanceof Error ? failure.message : String(failure);
    throw new UserError(`${path}: cannot be read: ${reason}`, {
      hint: 'check its owner and mode',
      cause: failure,
    });
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
