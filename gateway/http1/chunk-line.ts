import { VALUE_BYTE } from '../http/field-characters.ts';
import { HeadError } from './head-fields.ts';

const SEMICOLON = 0x3b;
const CR = 0x0d;
const LF = 0x0a;
const MAX_SIZE_DIGITS = 12;
const MAX_EXTENSION_BYTES = 256;

type Phase = 'size' | 'extension' | 'line-feed';

/** Reads the line before a chunk (RFC 9112 section 7.1): its size in hexadecimal, maybe extensions, which end here. */
export class ChunkLineReader {
  #phase: Phase = 'size';
  #digits = 0;
  #value = 0;
  #extensionBytes = 0;
  /** Of the line that was completed by the last `read`, else -1. */
  size = -1;

  /** Returns the position after what it took. @throws HeadError for anything outside the grammar. */
  read(chunk: Buffer, start: number): number {
    this.size = -1;
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#phase === 'size') this.#sizeByte(byte);
      else if (this.#phase === 'extension') this.#extensionByte(byte);
      else {
        if (byte !== LF) throw new HeadError('chunk-size');
        this.#complete();
        return at + 1;
      }
    }
    return chunk.length;
  }

  #complete(): void {
    this.size = this.#value;
    this.#phase = 'size';
    this.#digits = 0;
    this.#value = 0;
    this.#extensionBytes = 0;
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw new HeadError('chunk-size');
      this.#value = this.#value * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw new HeadError('chunk-size');
    if (byte === CR) this.#phase = 'line-feed';
    else if (byte === SEMICOLON) this.#phase = 'extension';
    else throw new HeadError('chunk-size');
  }

  #extensionByte(byte: number): void {
    if (byte === CR) this.#phase = 'line-feed';
    else if (VALUE_BYTE[byte] !== 1) throw new HeadError('chunk-extension');
    else if (++this.#extensionBytes > MAX_EXTENSION_BYTES) throw new HeadError('chunk-extension');
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
