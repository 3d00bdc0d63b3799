import type { TLSSocket } from 'node:tls';
import type { RejectionReason } from '../../federation/model/rejections.ts';

/** Has a joining cluster's request answered; rejects when it cannot be. */
export type RelayEnrolment = (request: Uint8Array, remoteAddress: string) => Promise<Uint8Array>;

const MAX_MESSAGE_BYTES = 64 * 1024;
const LENGTH_BYTES = 4;
const TIMEOUT_MS = 10_000;
/** The service may take its time: it signs, and writes to the store. */
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_OPEN = 8;
const MAX_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/**
 * The protocol `isthmus-enrol/1`: one request and one answer, each behind its length (4 bytes, big endian, at most
 * 64 KiB), then the end. Who comes here has no certificate, so it is bounded in number as well; a connection that
 * is closed without an answer was not relayed.
 */
export class EnrolmentPort {
  readonly #relay: RelayEnrolment;
  readonly #rejected: (reason: RejectionReason) => void;
  readonly #now: () => number;
  #open = 0;
  #minuteStartMs = 0;
  #inMinute = 0;

  constructor(options: {
    readonly relay: RelayEnrolment;
    readonly rejected: (reason: RejectionReason) => void;
    /** Monotonic ms. */
    readonly now: () => number;
  }) {
    this.#relay = options.relay;
    this.#rejected = options.rejected;
    this.#now = options.now;
  }

  serve(socket: TLSSocket, remoteAddress: string): void {
    if (!this.#admit()) {
      this.#rejected('enrolment-rate');
      socket.destroy();
      return;
    }
    this.#open++;
    socket.once('close', () => this.#open--);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
    readMessage(socket, (request) => {
      if (request === undefined) {
        this.#rejected('enrolment-malformed');
        socket.destroy();
        return;
      }
      socket.setTimeout(ANSWER_TIMEOUT_MS);
      this.#answer(socket, request, remoteAddress);
    });
  }

  #answer(socket: TLSSocket, request: Buffer, remoteAddress: string): void {
    this.#relay(request, remoteAddress).then(
      (response) => {
        const length = Buffer.alloc(LENGTH_BYTES);
        length.writeUInt32BE(response.byteLength);
        socket.end(Buffer.concat([length, response]));
      },
      () => {
        this.#rejected('enrolment-not-relayed');
        socket.destroy();
      },
    );
  }

  #admit(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#minuteStartMs >= MINUTE_MS) {
      this.#minuteStartMs = nowMs;
      this.#inMinute = 0;
    }
    this.#inMinute++;
    return this.#open < MAX_OPEN && this.#inMinute <= MAX_PER_MINUTE;
  }
}

/** Calls back once: with the message, or undefined when what came is none. */
function readMessage(socket: TLSSocket, done: (message: Buffer | undefined) => void): void {
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    if (received.length < LENGTH_BYTES) return;
    const length = received.readUInt32BE(0);
    const tooLong = length === 0 || length > MAX_MESSAGE_BYTES || received.length > LENGTH_BYTES + length;
    if (!tooLong && received.length < LENGTH_BYTES + length) return;
    socket.off('data', onData);
    done(tooLong ? undefined : received.subarray(LENGTH_BYTES));
  };
  socket.on('data', onData);
}
