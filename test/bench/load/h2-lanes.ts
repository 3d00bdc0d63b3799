import type { Socket } from 'node:net';
import {
  FIRST_WINDOW,
  FLAG,
  FRAME,
  FrameReader,
  frame,
  initialWindowIn,
  opening,
  PREFACE,
  replyTo,
  windowUpdate,
} from './frames.ts';
import { Outlet } from './outlet.ts';
import type { Lane } from './pacer.ts';
import { requestBlocks } from './request-blocks.ts';

export type Answered = (lane: Lane, ok: boolean) => void;

/** What each request is. */
export interface H2Request {
  readonly method: 'GET' | 'POST';
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** One long stream for each lane, on which each `body` is answered with as many bytes. */
  readonly duplex: boolean;
}

const CREDIT_BYTES = 2 ** 24;
const STATUS_200 = 0x88;
const TABLE_SIZE_UPDATE = 0x20;

/** One HTTP/2 connection with prior knowledge, and its lanes. */
export class H2Connection {
  readonly #outlet: Outlet;
  readonly #request: H2Request;
  readonly #answered: Answered;
  readonly #blocks: { readonly first: Buffer; readonly next: Buffer };
  readonly #byId = new Map<number, H2Lane>();
  readonly lanes: readonly H2Lane[];
  #nextId = 1;
  #credit = FIRST_WINDOW;
  #streamWindow = FIRST_WINDOW;
  #failed = false;
  #unacknowledged = 0;
  /** Called with the peer's SETTINGS. */
  onReady = (): void => {};

  constructor(socket: Socket, lanes: number, request: H2Request, answered: Answered) {
    this.#outlet = new Outlet(socket);
    this.#request = request;
    this.#answered = answered;
    this.#blocks = requestBlocks(request.method, request.fields);
    this.lanes = Array.from({ length: lanes }, () => new H2Lane(this));
    const reader = new FrameReader((...parts) => this.#take(...parts));
    socket.on('data', (chunk: Buffer) => reader.read(chunk));
    socket.on('close', () => this.#fail());
    this.#outlet.append(PREFACE);
    this.#outlet.append(opening());
  }

  send(lane: H2Lane): void {
    if (this.#failed) {
      // Not within the caller's own turn: it would send on this lane for ever.
      setImmediate(() => this.#answered(lane, false));
      return;
    }
    const { body, duplex } = this.#request;
    if (!duplex || lane.streamId === 0) this.#open(lane);
    if (body.length === 0) return;
    this.#credit -= body.length;
    lane.credit -= body.length;
    if (this.#credit < 0 || lane.credit < 0)
      throw new Error('a gateway gives too little credit for this load');
    this.#outlet.append(frame(FRAME.data, duplex ? 0 : FLAG.endStream, lane.streamId, body));
  }

  #open(lane: H2Lane): void {
    const first = this.#nextId === 1;
    const flags = FLAG.endHeaders | (this.#request.body.length === 0 ? FLAG.endStream : 0);
    lane.open(this.#nextId, this.#streamWindow);
    this.#nextId += 2;
    this.#byId.set(lane.streamId, lane);
    const block = first ? this.#blocks.first : this.#blocks.next;
    this.#outlet.append(frame(FRAME.headers, flags, lane.streamId, block));
  }

  #take(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (streamId === 0) this.#takeControl(type, flags, payload);
    const lane = this.#byId.get(streamId);
    if (lane === undefined) return;
    if (type === FRAME.windowUpdate) lane.credit += payload.readUInt32BE(0);
    if (type === FRAME.reset) this.#end(lane, false);
    if (type === FRAME.headers) lane.takeHeaders(payload);
    if (type === FRAME.data) this.#takeData(lane, payload.length);
    if (type !== FRAME.headers && type !== FRAME.data) return;
    if (this.#request.duplex) this.#takeMessage(lane, (flags & FLAG.endStream) !== 0);
    else if ((flags & FLAG.endStream) !== 0) this.#end(lane, lane.ok);
  }

  #takeData(lane: H2Lane, bytes: number): void {
    lane.received += bytes;
    this.#unacknowledged += bytes;
    if (this.#unacknowledged < CREDIT_BYTES) return;
    this.#outlet.append(windowUpdate(0, this.#unacknowledged));
    this.#unacknowledged = 0;
  }

  #takeMessage(lane: H2Lane, ended: boolean): void {
    if (ended) this.#end(lane, false);
    else if (lane.received >= this.#request.body.length) {
      lane.received -= this.#request.body.length;
      this.#answered(lane, lane.ok);
    }
  }

  #end(lane: H2Lane, ok: boolean): void {
    this.#byId.delete(lane.streamId);
    lane.streamId = 0;
    this.#answered(lane, ok);
  }

  #takeControl(type: number, flags: number, payload: Buffer): void {
    const reply = replyTo(type, flags, payload);
    if (reply !== undefined) this.#outlet.append(reply);
    if (type === FRAME.windowUpdate) this.#credit += payload.readUInt32BE(0);
    if (type === FRAME.goaway) this.#fail();
    if (type === FRAME.settings && (flags & FLAG.ack) === 0) {
      this.#streamWindow = initialWindowIn(payload) ?? this.#streamWindow;
      this.onReady();
    }
  }

  #fail(): void {
    if (this.#failed) return;
    this.#failed = true;
    for (const lane of [...this.#byId.values()]) this.#end(lane, false);
  }
}

class H2Lane implements Lane {
  readonly #connection: H2Connection;
  streamId = 0;
  credit = 0;
  received = 0;
  /** The response's status is 200. */
  ok = false;
  #answered = false;

  constructor(connection: H2Connection) {
    this.#connection = connection;
  }

  send(): void {
    this.#connection.send(this);
  }

  open(streamId: number, credit: number): void {
    this.streamId = streamId;
    this.credit = credit;
    this.received = 0;
    this.ok = false;
    this.#answered = false;
  }

  /** The first field is the status; it may follow a change of the table's size. */
  takeHeaders(block: Buffer): void {
    if (this.#answered) return;
    this.#answered = true;
    let at = 0;
    while (((block[at] ?? 0) & 0xe0) === TABLE_SIZE_UPDATE) {
      if (((block[at++] ?? 0) & 0x1f) === 0x1f) while (((block[at++] ?? 0) & 0x80) !== 0);
    }
    this.ok = block[at] === STATUS_200;
  }
}
