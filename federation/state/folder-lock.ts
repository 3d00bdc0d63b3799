import { createHash } from 'node:crypto';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../model/user-error.ts';

/** The longest path that a unix socket may have on Linux and macOS, with some room. */
const MAX_SOCKET_PATH_BYTES = 100;

/**
 * Holds a folder for one process of this machine: two that shared a state folder would take each other for their
 * own restart, and lead at the same time. The lock is a unix socket that is listened on, so it ends with its
 * process, however that ends.
 */
export class FolderLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /**
   * Makes the folder where it is not there, and locks it.
   * @throws UserError when another process has it, or when it cannot be used.
   */
  static async take(folder: string): Promise<FolderLock> {
    const path = await socketPath(folder);
    const server = await tryListen(path);
    if (server !== undefined) return new FolderLock(server);
    if (await answers(path)) {
      throw new UserError(`${folder}: another federation service uses this state folder`, {
        hint: 'end it first, or give each replica a stateFolder of its own',
      });
    }
    // Left behind by a process that was killed.
    await rm(path, { force: true });
    const second = await tryListen(path);
    if (second !== undefined) return new FolderLock(second);
    throw new UserError(`${folder}: another federation service has just taken this state folder`);
  }

  release(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

async function socketPath(folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    const path = join(await realpath(folder), 'lock');
    if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
    return join(tmpdir(), `isthmus-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`);
  } catch (failure) {
    throw new UserError(`${folder}: the state folder cannot be made: ${String(failure)}`, {
      hint: 'name another stateFolder, or give this user the right to make it',
      cause: failure,
    });
  }
}

/** @returns undefined when the path is taken, by a process or by what one left behind. */
function tryListen(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (failure: NodeJS.ErrnoException) => {
      if (failure.code === 'EADDRINUSE') resolve(undefined);
      else reject(cannotLock(path, failure));
    });
    server.listen(path, () => resolve(server));
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (failure: NodeJS.ErrnoException) => {
      resolve(failure.code !== 'ECONNREFUSED' && failure.code !== 'ENOENT');
    });
  });
}

function cannotLock(path: string, failure: Error): UserError {
  return new UserError(`${path}: the state folder cannot be locked: ${failure.message}`, {
    hint: 'the folder must be writable, on a file system that has unix sockets',
    cause: failure,
  });
}
