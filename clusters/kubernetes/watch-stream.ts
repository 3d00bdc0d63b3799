import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Clock } from '../../federation/runtime/clock.ts';
import { errorFromEvent, KubeError } from './kube-error.ts';

/** A change, or (`BOOKMARK`) only how far the watch has come: `object.metadata.resourceVersion`. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

/** etcd takes 1.5 MiB an object; as JSON, with escapes, it is never more than this. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 10;

const envelope = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});

export interface WatchStreamOptions {
  /** What was asked, for messages. */
  readonly request: string;
  readonly clock: Clock;
  /** A watch on which nothing comes for this long is ended; the API server sends bookmarks every minute. */
  readonly silenceMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The events of a watch's answer: one JSON object a line. Ends when the API server ends it, which it does every few
 * minutes.
 * @throws KubeError of an `ERROR` event (410: list anew), `Silent` after silence, `Unreachable` when it broke off,
 * `Malformed` or `TooLarge`; the signal's reason
 */
export async function* watchEvents(
  answer: IncomingMessage,
  options: WatchStreamOptions,
): AsyncGenerator<WatchEvent, void> {
  const { request, clock, silenceMs, signal } = options;
  let ended: Error | undefined;
  const end = (reason: Error): void => {
    ended ??= reason;
    answer.destroy(reason);
  };
  const abort = (): void => end(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
  const silent = (): void => end(KubeError.transport(request, 'Silent', `nothing came for ${silenceMs} ms`));
  let cancel = clock.after(silenceMs, silent);
  signal?.addEventListener('abort', abort);
  if (signal?.aborted === true) abort();
  const lines = new LineReader(request);
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      cancel();
      for (const line of lines.take(chunk)) yield parseEvent(request, line);
      cancel();
      cancel = clock.after(silenceMs, silent);
    }
  } catch (failure) {
    if (ended !== undefined) throw ended;
    if (failure instanceof KubeError) throw failure;
    const message = failure instanceof Error ? failure.message : String(failure);
    throw KubeError.transport(request, 'Unreachable', `the watch broke off: ${message}`, failure);
  } finally {
    cancel();
    signal?.removeEventListener('abort', abort);
    answer.destroy();
  }
}

/** Cuts bytes into lines, whatever pieces they come in. */
class LineReader {
  readonly #request: string;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(request: string) {
    this.#request = request;
  }

  *take(chunk: Buffer): Iterable<string> {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      from = at + 1;
      const line = Buffer.concat(this.#pieces, this.#length).toString('utf8');
      this.#pieces = [];
      this.#length = 0;
      if (line.trim() !== '') yield line;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  #keep(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > MAX_LINE_BYTES) {
      throw KubeError.transport(this.#request, 'TooLarge', `an event of more than ${MAX_LINE_BYTES} bytes`);
    }
    this.#pieces.push(piece);
  }
}

function parseEvent(request: string, line: string): WatchEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (failure) {
    throw KubeError.transport(request, 'Malformed', 'an event is not JSON', failure);
  }
  const event = envelope.safeParse(value);
  if (!event.success) throw KubeError.transport(request, 'Malformed', 'an event is not one of a watch');
  const { type, object } = event.data;
  if (type === 'ERROR') throw errorFromEvent(request, object);
  return { type, object };
}
