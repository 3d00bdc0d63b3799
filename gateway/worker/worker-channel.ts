import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { extname, join } from 'node:path';
import { type ParentMessage, type WorkerMessage, workerMessage } from './messages.ts';

export interface WorkerChannelHandlers {
  readonly message: (message: WorkerMessage) => void;
  /** The process has ended; after this nobody is called any more. `reason` is for a person. */
  readonly ended: (reason: string) => void;
}

/** One worker process as its parent sees it. */
export class WorkerChannel {
  readonly #process: ChildProcess;
  #ended = false;

  constructor(handlers: WorkerChannelHandlers) {
    // Beside this file, and built like it or not built like it.
    const entry = join(import.meta.dirname, `worker-process${extname(import.meta.filename)}`);
    this.#process = fork(entry, [], { serialization: 'advanced', execArgv: workerExecArgv() });
    this.#process.on('message', (received) => this.#received(received, handlers));
    this.#process.once('error', (error) => this.#end(handlers, error.message));
    this.#process.once('exit', (code, signal) => this.#end(handlers, signal ?? `exit code ${code}`));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  send(message: ParentMessage): void {
    if (!this.#process.connected) return;
    // A failed send means that the process is ending, which is told by its exit.
    this.#process.send(message, () => {});
  }

  /** The socket is this process's no longer. */
  sendConnection(message: ParentMessage & { kind: 'connection' }, socket: Socket): void {
    if (!this.#process.connected) {
      socket.destroy();
      return;
    }
    this.#process.send(message, socket, {}, (error) => {
      if (error !== null) socket.destroy();
    });
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #received(received: unknown, handlers: WorkerChannelHandlers): void {
    // `exit` may overtake what still lies in the pipe; its parent has forgotten the worker by then.
    if (this.#ended) return;
    const parsed = workerMessage.safeParse(received);
    if (parsed.success) handlers.message(parsed.data);
    else this.kill();
  }

  #end(handlers: WorkerChannelHandlers, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    handlers.ended(reason);
  }
}

/** As many MiB as V8 lets a half of the young generation grow to anyway. */
const YOUNG_HALF_MIB = 16;

/**
 * A request goes through many small functions of many files. V8 stops inlining them into each other long before it
 * has the way of one request in one piece; these are about three times its bounds, in bytes of bytecode.
 */
const INLINING = ['--max-inlined-bytecode-size=1000', '--max-inlined-bytecode-size-cumulative=3000'];

/**
 * A debugger's port cannot be listened on twice. A worker asks for one collection before it serves (`worker-process.ts`),
 * after which a young generation would have to grow again, and costs CPU as long as it is small. At its full size from
 * the start, its memory still is resident only when it is used.
 */
function workerExecArgv(): string[] {
  const own = process.execArgv.filter((argument) => !argument.startsWith('--inspect'));
  return [...own, ...INLINING, '--expose-gc', `--min-semi-space-size=${YOUNG_HALF_MIB}`];
}
