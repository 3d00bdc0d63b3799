import { access, rm } from 'node:fs/promises';
import { UserError } from '../../federation/model/user-error.ts';

const HINTS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full: make room there, or use another --dir'],
  ['EDQUOT', 'the quota is used up: make room there, or use another --dir'],
  ['EACCES', 'give this user the right to write there, or use another --dir'],
  ['EPERM', 'give this user the right to write there, or use another --dir'],
  ['EROFS', 'the file system takes no writes: use another --dir'],
  ['ENOTDIR', 'a part of that path is a file: use another --dir'],
  ['EEXIST', 'there is a file of that name: use another --dir'],
]);

/**
 * Makes a cluster's folder. When that fails, the trust folder that it may have begun is removed, so that it can be
 * tried again; one that was there before is left as it is.
 * @throws UserError also for what the file system refuses.
 */
export async function makeFolder<T>(
  layout: { readonly root: string; readonly trust: string },
  make: () => Promise<T>,
): Promise<T> {
  const hadTrust = await exists(layout.trust);
  try {
    return await make();
  } catch (failure) {
    if (!hadTrust && (await exists(layout.trust))) await rm(layout.trust, { recursive: true });
    throw writeFailure(layout.root, failure);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // Not there, or not to be seen: then what fails next says why, and nothing of ours is in it.
    return false;
  }
}

/** What the file system refused, as a UserError; any other failure as it is. */
export function writeFailure(folder: string, failure: unknown): unknown {
  if (failure instanceof UserError || !(failure instanceof Error)) return failure;
  const code = 'code' in failure ? String(failure.code) : '';
  const hint = HINTS.get(code);
  if (hint === undefined) return failure;
  const where = 'path' in failure && typeof failure.path === 'string' ? failure.path : folder;
  return new UserError(`cannot write ${where} (${code})`, { hint, cause: failure });
}
