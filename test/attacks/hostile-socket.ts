import { connect, type Socket } from 'node:net';

/** A connection that is written to without regard for what comes back, for as long as the gateway lets it. */
export class HostileSocket {
  readonly socket: Socket;
  /** Resolves when the gateway has ended its side, or all of it. */
  readonly ended: Promise<void>;
  #gone = false;
  #received = '';

  constructor(socket: Socket) {
    this.socket = socket;
    // A reset is how most attacks end; `close` follows.
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#received = (this.#received + chunk.toString('latin1')).slice(-KEPT_CHARACTERS);
    });
    this.ended = new Promise((resolve) => {
      for (const event of ['end', 'close'] as const) {
        socket.once(event, () => {
          this.#gone = true;
          resolve();
        });
      }
    });
  }

  static open(port: number): HostileSocket {
    return new HostileSocket(connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }));
  }

  /** False when the gateway has ended it; waits for what was written to leave. */
  async send(bytes: Buffer | string): Promise<boolean> {
    if (this.#gone) return false;
    const { socket } = this;
    const taken = typeof bytes === 'string' ? socket.write(bytes, 'latin1') : socket.write(bytes);
    if (!taken) {
      await Promise.race([this.ended, new Promise<void>((resolve) => socket.once('drain', resolve))]);
    }
    // Others of this process want to run, too.
    await new Promise((resolve) => setImmediate(resolve));
    return !this.#gone;
  }

  /** The same again and again until it is ended. */
  async flood(bytes: Buffer): Promise<void> {
    while (await this.send(bytes));
    this.socket.destroy();
  }

  /** As `flood`, also after the gateway has ended its side, until nobody takes it any more. */
  async press(bytes: Buffer): Promise<void> {
    const { socket } = this;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    while (!socket.destroyed) {
      if (socket.write(bytes)) await new Promise((resolve) => setImmediate(resolve));
      else await Promise.race([closed, new Promise<void>((resolve) => socket.once('drain', resolve))]);
    }
  }

  /** Resolves when what came back has `text`, or it is ended. */
  async until(text: string): Promise<void> {
    while (!this.#gone && !this.#received.includes(text)) {
      await Promise.race([
        this.ended,
        new Promise<void>((resolve) => this.socket.once('data', () => resolve())),
      ]);
    }
    this.socket.destroy();
  }

  /** Holds still until it is ended. */
  async outwait(): Promise<void> {
    await this.ended;
    this.socket.destroy();
  }

  /** Says `first` and reads nothing until it is ended. Its own pause hides the end from it: it writes now and then. */
  async unread(first: Buffer | string): Promise<void> {
    this.socket.pause();
    await this.send(first);
    while (!this.socket.destroyed && (await this.send('\r\n'))) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    this.socket.destroy();
  }

  /** `byte` by byte, one each `everyMs`, until it is ended: progress that is none. */
  async trickle(bytes: string, everyMs: number): Promise<void> {
    for (const byte of bytes) {
      if (!(await this.send(byte))) break;
      await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, everyMs))]);
    }
    await this.outwait();
  }
}

const KEPT_CHARACTERS = 4096;
const LOOK_MS = 150;
