import type { Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '\r\n0\r\n\r\n';

interface Asked {
  readonly request: Buffer;
  readonly resolve: (status: number) => void;
  readonly reject: (failure: Error) => void;
}

/**
 * HTTP/1.1 over a few connections that are kept, one request at a time on each; others wait. Written by hand, for it
 * shares the machine with what is measured: it reads of an answer what it needs to find its status and its end.
 */
export class KeepAliveClient {
  readonly #dial: () => Socket;
  readonly #connections: number;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #waiting: Asked[] = [];
  #ended = false;

  /** @param dial a new socket, plain or TLS, which may still be connecting */
  constructor(dial: () => Socket, connections: number) {
    this.#dial = dial;
    this.#connections = connections;
  }

  /**
   * @param request its head and its body
   * @returns the status of the answer
   * @throws when the connection failed or ended before the answer had
   */
  ask(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      const asked = { request, resolve, reject };
      const connection = this.#idle.pop() ?? this.#another();
      if (connection === undefined) this.#waiting.push(asked);
      else connection.send(asked);
    });
  }

  close(): void {
    this.#ended = true;
    for (const connection of this.#open) connection.end();
  }

  #another(): Connection | undefined {
    if (this.#open.size >= this.#connections) return undefined;
    const connection = new Connection(this.#dial(), {
      free: () => this.#next(connection),
      closed: () => this.#closed(connection),
    });
    this.#open.add(connection);
    return connection;
  }

  #next(connection: Connection): void {
    const asked = this.#waiting.shift();
    if (asked === undefined) this.#idle.push(connection);
    else connection.send(asked);
  }

  #closed(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#ended || this.#waiting.length === 0) return;
    const next = this.#another();
    if (next !== undefined) this.#next(next);
  }
}

interface ConnectionEvents {
  readonly free: () => void;
  readonly closed: () => void;
}

class Connection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  #asked: Asked | undefined;
  #received = '';
  #failure: Error | undefined;

  constructor(socket: Socket, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', (failure) => {
      this.#failure = failure;
    });
    socket.on('close', () => {
      this.#asked?.reject(this.#failure ?? new Error('the connection ended before the answer'));
      this.#asked = undefined;
      events.closed();
    });
  }

  send(asked: Asked): void {
    this.#asked = asked;
    this.#received = '';
    this.#socket.write(asked.request);
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#received += text;
    const asked = this.#asked;
    const answer = this.#received;
    if (asked === undefined || !isWhole(answer)) return;
    this.#asked = undefined;
    asked.resolve(Number(answer.slice(9, 12)));
    if (/^connection: *close\r$/im.test(answer)) this.#socket.destroy();
    else this.#events.free();
  }
}

/** RFC 9112, 6.3; every answer that is asked for here has one of the two. */
function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf(HEAD_END);
  if (headEnd < 0) return false;
  const length = /^content-length: *(\d+)/im.exec(answer.slice(0, headEnd))?.[1];
  if (length === undefined) return answer.endsWith(LAST_CHUNK);
  return answer.length >= headEnd + HEAD_END.length + Number(length);
}
