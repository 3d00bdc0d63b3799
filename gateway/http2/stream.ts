import type { HeldData } from '../http/held-data.ts';
import type { HeaderBlock, StreamWriter } from '../http/stream.ts';

/** RFC 9113 section 5.1; idle and reserved streams have no object. */
export type StreamState = 'open' | 'half-closed-local' | 'half-closed-remote' | 'closed';

export function afterLocalEnd(state: StreamState): StreamState {
  return state === 'open' ? 'half-closed-local' : 'closed';
}

export function afterRemoteEnd(state: StreamState): StreamState {
  return state === 'open' ? 'half-closed-remote' : 'closed';
}

/** What a stream asks of its connection. */
export interface StreamOwner {
  writeHeaders(stream: Http2Stream, block: HeaderBlock, endStream: boolean): void;
  writeData(stream: Http2Stream, chunk: Buffer, start: number, end: number, endStream: boolean): number;
  writeReset(stream: Http2Stream, errorCode: number): void;
  returnCredit(stream: Http2Stream, bytes: number): void;
  /** Both directions ended: it is no longer found by its id, and what it held is dropped. */
  streamClosed(stream: Http2Stream): void;
}

/** One HTTP/2 stream: the writer that the engine has, and the state that the connection keeps for it. */
export abstract class Http2Stream implements StreamWriter {
  readonly id: number;
  readonly owner: StreamOwner;
  state: StreamState = 'open';
  /** What the peer lets us send, may be negative after a change of its settings. */
  sendWindowBytes: number;
  /** What we let the peer send. */
  receiveWindowBytes: number;
  /** Credit that was consumed but not yet sent back. */
  unreturnedBytes = 0;
  /** Its message's head has not come: no data may. */
  awaitsHeaders = false;
  /** Declared by `content-length`, -1 = not. */
  expectedBytes = -1;
  receivedBytes = 0;
  /** Set while body bytes wait for a window or for the socket. */
  held: HeldData | undefined = undefined;
  /** What ends the stream after the held bytes. */
  heldEnd: HeaderBlock | boolean = false;
  /** When some held data last left, coarse monotonic ms. */
  progressAtMs = 0;
  emptyFrames = 0;

  constructor(owner: StreamOwner, id: number, sendWindowBytes: number, receiveWindowBytes: number) {
    this.owner = owner;
    this.id = id;
    this.sendWindowBytes = sendWindowBytes;
    this.receiveWindowBytes = receiveWindowBytes;
  }

  get canSend(): boolean {
    return this.state === 'open' || this.state === 'half-closed-remote';
  }

  get canReceive(): boolean {
    return this.state === 'open' || this.state === 'half-closed-local';
  }

  sendHeaders(block: HeaderBlock, endStream: boolean): void {
    if (!this.canSend) return;
    this.owner.writeHeaders(this, block, endStream);
    if (endStream) this.endLocal();
  }

  sendInformational(block: HeaderBlock): void {
    if (this.canSend) this.owner.writeHeaders(this, block, false);
  }

  sendData(chunk: Buffer, start: number, end: number, endStream: boolean): number {
    if (!this.canSend || this.heldEnd !== false) return end - start;
    const sent = this.owner.writeData(this, chunk, start, end, endStream);
    if (endStream && this.held === undefined && this.canSend) this.endLocal();
    return sent;
  }

  sendTrailers(block: HeaderBlock): void {
    if (!this.canSend || this.heldEnd !== false) return;
    if (this.held !== undefined) {
      this.heldEnd = block;
      return;
    }
    this.owner.writeHeaders(this, block, true);
    this.endLocal();
  }

  reset(errorCode: number): void {
    if (this.state === 'closed') return;
    this.owner.writeReset(this, errorCode);
    this.close();
  }

  consumed(bytes: number): void {
    if (this.canReceive) this.owner.returnCredit(this, bytes);
  }

  /** The last held byte has left. */
  endAfterHeld(): void {
    const end = this.heldEnd;
    this.heldEnd = false;
    if (end === false) return;
    if (end !== true) this.owner.writeHeaders(this, end, true);
    this.endLocal();
  }

  endLocal(): void {
    this.state = afterLocalEnd(this.state);
    if (this.state === 'closed') this.close();
  }

  endRemote(): void {
    this.state = afterRemoteEnd(this.state);
    if (this.state === 'closed') this.close();
  }

  /** Forgets what it held; nothing is sent or received on it any more. */
  close(): void {
    this.state = 'closed';
    this.owner.streamClosed(this);
  }

  /** Body bytes came in. */
  abstract deliverData(chunk: Buffer, start: number, end: number, endStream: boolean): void;
  abstract deliverTrailers(block: HeaderBlock): void;
  /** `bytes` that were held have left. */
  abstract deliverDrained(bytes: number): void;
}
