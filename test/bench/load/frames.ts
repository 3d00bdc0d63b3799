/** HTTP/2 frames (RFC 9113 section 4) as a load generator needs them: without checks and without HPACK state. */
export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const LARGEST_WINDOW = 2 ** 31 - 1;
/** What a peer may send before it is told otherwise. */
export const FIRST_WINDOW = 65_535;
const HEADER_BYTES = 9;
const SETTING_INITIAL_WINDOW = 4;

/** @param payload of DATA only its length counts, and it may be a part of a longer one */
export type OnFrame = (type: number, flags: number, streamId: number, payload: Buffer) => void;

/** Finds the frames in what comes from a socket, each whole. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const streamId = bytes.readUInt32BE(at + 5) & LARGEST_WINDOW;
      this.#onFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, streamId, bytes.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }
}

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

export function windowUpdate(streamId: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(FRAME.windowUpdate, 0, streamId, payload);
}

/** SETTINGS, and as much credit as there can be, for each stream and for the connection. */
export function opening(): Buffer {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(SETTING_INITIAL_WINDOW);
  settings.writeUInt32BE(LARGEST_WINDOW, 2);
  return Buffer.concat([
    frame(FRAME.settings, 0, 0, settings),
    windowUpdate(0, LARGEST_WINDOW - FIRST_WINDOW),
  ]);
}

/** What any frame of the connection itself is answered with; undefined = nothing. */
export function replyTo(type: number, flags: number, payload: Buffer): Buffer | undefined {
  if ((flags & FLAG.ack) !== 0) return undefined;
  if (type === FRAME.settings) return frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0));
  return type === FRAME.ping ? frame(FRAME.ping, FLAG.ack, 0, payload) : undefined;
}

/** The peer's INITIAL_WINDOW_SIZE in a SETTINGS frame; undefined when it does not name one. */
export function initialWindowIn(settings: Buffer): number | undefined {
  for (let at = 0; at + 6 <= settings.length; at += 6) {
    if (settings.readUInt16BE(at) === SETTING_INITIAL_WINDOW) return settings.readUInt32BE(at + 2);
  }
  return undefined;
}
