import type { RejectionReason } from '../../federation/model/rejections.ts';
/** Frames of HTTP/2: RFC 9113 sections 4.1 and 6. */
export const FRAME = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

export const FLAG = {
  END_STREAM: 0x1,
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

export const FRAME_HEADER_BYTES = 9;
export const DEFAULT_FRAME_BYTES = 16_384;
export const MAX_FRAME_BYTES = 2 ** 24 - 1;
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;
export const MAX_STREAM_ID = 2 ** 31 - 1;

/** What a client sends first: RFC 9113 section 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** A rule was broken that ends the connection: GOAWAY with `code`. */
export class Http2ConnectionError extends Error {
  override readonly name = 'Http2ConnectionError';
  readonly code: number;
  /** For the metric `isthmus_rejected_total{reason}`: a few fixed words. */
  readonly reason: RejectionReason;

  constructor(code: number, reason: RejectionReason, message: string = reason) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

export function readUint32(buffer: Buffer, at: number): number {
  return (
    (((buffer[at] as number) << 24) |
      ((buffer[at + 1] as number) << 16) |
      ((buffer[at + 2] as number) << 8) |
      (buffer[at + 3] as number)) >>>
    0
  );
}

export function writeUint32(buffer: Buffer, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

/** Stream ids, window sizes: 31 bits, the highest bit is reserved and ignored. */
export function readUint31(buffer: Buffer, at: number): number {
  return readUint32(buffer, at) & 0x7fffffff;
}
