import { once } from 'node:events';
import { connect } from 'node:net';

/** An answer as the sender of the requests sees it. */
export interface Answer {
  readonly status: number;
  /** The backend that gave it; undefined = the gateway's own, or the backend's refusal. */
  readonly backend: string | undefined;
}

export interface Answers {
  readonly answers: readonly Answer[];
  /** It ended, or there were as many answers as were asked for; false = neither within the time. */
  readonly finished: boolean;
}

const PATIENCE_MS = 20_000;

/**
 * Sends `pieces` on a connection of its own, and reads until there are answers to all of `methods` (then it goes), or,
 * with `untilEnd`, until the other side closes.
 */
export async function sendAndRead(
  port: number,
  pieces: readonly Buffer[],
  methods: readonly string[],
  untilEnd: boolean,
): Promise<Answers> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  let ended = false;
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    wake();
  });
  // A connection that is reset is one that ended.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
    wake();
  });
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    wake();
  }, PATIENCE_MS);
  const enough = (): boolean => !untilEnd && readAnswers(received, methods).length >= methods.length;
  while (!ended && !late && !enough()) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  clearTimeout(timer);
  socket.destroy();
  return { answers: readAnswers(received, methods), finished: !late };
}

/** Complete final answers; those to HEAD have no body. */
function readAnswers(text: string, methods: readonly string[]): Answer[] {
  const answers: Answer[] = [];
  let at = 0;
  for (;;) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd < 0) return answers;
    const head = text.slice(at, headEnd + 2);
    const status = Number(/^HTTP\/1\.[01] ([0-9]{3}) /.exec(head)?.[1]);
    if (Number.isNaN(status)) throw new Error(`no answer: ${JSON.stringify(text.slice(at, at + 80))}`);
    at = headEnd + 4;
    if (status < 200) continue;
    if (methods[answers.length] !== 'HEAD') at = endOfBody(text, at, head);
    if (at < 0) return answers;
    answers.push({ status, backend: /\r\nx-backend: ([a-z]+)\r\n/.exec(head)?.[1] });
  }
}

/** -1 when it has not come in whole. */
function endOfBody(text: string, start: number, head: string): number {
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(head)) {
    const end = text.indexOf('0\r\n\r\n', start);
    return end < 0 ? -1 : end + 5;
  }
  const end = start + Number(/\r\ncontent-length: ([0-9]+)\r\n/i.exec(head)?.[1] ?? 0);
  return end > text.length ? -1 : end;
}
