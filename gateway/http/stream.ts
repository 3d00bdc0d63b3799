import type { RejectionReason } from '../../federation/model/rejections.ts';
/**
 * The seam between codecs and the engine. A codec turns bytes into calls on receivers and calls on writers into
 * bytes; the engine joins a downstream writer with an upstream one. No calls are asynchronous, none allocates per
 * frame, and a writer only fills its connection's output buffer: that is written once per turn of the event loop.
 */

/**
 * A header block as a flat array: name, value, name, value, … latin1 strings, names in lower case. A request
 * begins with `:method`, `:scheme`, `:authority`, `:path` (whichever it has), a response with `:status`. HTTP/1
 * codecs make the same form: `host` becomes `:authority`, hop-by-hop fields are gone.
 *
 * Tunnels have one form, too, whatever the version on either side. CONNECT is `:method CONNECT` and `:authority`
 * alone; a 2xx answer opens it. A request that asks for another protocol (Upgrade, or extended CONNECT of RFC 8441)
 * is `:method GET` with the field `upgrade`; the answer `:status 101` opens it, any other is an ordinary answer. Both
 * are asked for without `endStream`: an end that came with the request follows as data. In an open tunnel data goes both ways until each side's `endStream`.
 */
export type HeaderBlock = string[];

/** HTTP/2 error codes, RFC 9113 section 7. HTTP/1 writers close the connection instead. */
export const H2_ERROR = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

/** One half of an exchange as its other half sees it: write to it, and give credit back for what was read. */
export interface StreamWriter {
  /** Final headers of a message. */
  sendHeaders(block: HeaderBlock, endStream: boolean): void;
  /** An informational response (1xx); only on a downstream writer. */
  sendInformational(block: HeaderBlock): void;
  /**
   * Takes `chunk[start, end)`, copying what it needs before it returns. Returns how many bytes went into the
   * output at once; the rest is held until the peer's window or the socket has room, then reported by the
   * receiver's `…Drained`.
   */
  sendData(chunk: Buffer, start: number, end: number, endStream: boolean): number;
  sendTrailers(block: HeaderBlock): void;
  /**
   * Ends both directions at once; its receiver is not called any more. NO_ERROR on a downstream writer after a complete
   * response: the codec reads the rest of the request and drops it, within bounds. On a downstream writer it is also how the
   * engine says, after `requestReset`, that its upstream work has ended: only then does the stream's slot become
   * free (of what the client may have open), so that resetting requests quickly buys a client nothing.
   */
  reset(errorCode: number): void;
  /** `bytes` of this stream's incoming body have left on the other side: returns stream credit. */
  consumed(bytes: number): void;
}

/** What a downstream (server side) codec tells the engine about one request, after it was begun. */
export interface RequestReceiver {
  requestData(chunk: Buffer, start: number, end: number, endStream: boolean): void;
  requestTrailers(block: HeaderBlock): void;
  /**
   * The client cancelled, broke a rule, or its connection ended. Nothing may be written any more; the engine ends
   * its upstream work and then calls `reset` on the writer.
   */
  requestReset(errorCode: number): void;
  /** Held response bytes have left. */
  responseDrained(bytes: number): void;
}

/** Why an upstream stream ended without a complete response. */
export type UpstreamFailure =
  /** REFUSED_STREAM, or beyond GOAWAY's last id: certainly not processed (RFC 9113 section 8.7). */
  | { readonly kind: 'refused' }
  /** No connection could be made: certainly not processed. */
  | { readonly kind: 'connect'; readonly reason: string }
  /** The connection ended; the request may have been processed. */
  | { readonly kind: 'connection-lost' }
  | { readonly kind: 'reset'; readonly errorCode: number }
  /** The upstream broke the protocol. */
  | { readonly kind: 'protocol'; readonly reason: string };

/** What an upstream (client side) codec tells the engine about one response. */
export interface ResponseReceiver {
  responseInformational(block: HeaderBlock): void;
  responseHeaders(block: HeaderBlock, endStream: boolean): void;
  responseData(chunk: Buffer, start: number, end: number, endStream: boolean): void;
  responseTrailers(block: HeaderBlock): void;
  /** Never after a complete response. */
  responseFailed(failure: UpstreamFailure): void;
  /** Held request bytes have left. */
  requestDrained(bytes: number): void;
}

/** How a server-side connection hands its requests over. */
export interface ServerConnectionHandler {
  /** A complete, valid header block. The receiver gets what follows; answer at any time through `stream`. */
  request(stream: StreamWriter, block: HeaderBlock, endStream: boolean): RequestReceiver;
  /** A rule or limit was broken: counted as `isthmus_rejected_total{reason}`. */
  rejected(reason: RejectionReason): void;
  /** After this the connection calls nobody any more. */
  closed(): void;
}

/** A server-side connection as the listener sees it. */
export interface ServerConnection {
  readonly openStreams: number;
  /**
   * Graceful end: no new requests (HTTP/2: GOAWAY with the highest id, a little later with the real last id;
   * HTTP/1: `connection: close` on the response under way, or on the next when idle), and it closes once the open
   * ones are finished.
   */
  drain(): void;
  /** Whether many requests at a time are on it, of a client or of a gateway; undefined = one at a time. */
  readonly multiplexes?: 'client' | 'gateway';
  /** Ends it at once; requests under way get `requestReset`. */
  destroy(): void;
}

/** What a client-side connection tells its owner (a trunk or a pool). */
export interface ClientConnectionHandler {
  /** `available` may have changed: a stream ended, SETTINGS came, GOAWAY came or went. */
  availabilityChanged(): void;
  /** The peer will take no more requests on it (GOAWAY, `connection: close`); those under way may finish. */
  draining(): void;
  /** The peer broke a rule or limit: counted as `isthmus_rejected_total{reason}`. */
  rejected(reason: RejectionReason): void;
  /** After this the connection calls nobody any more. `reason` is for a person, e.g. in the log. */
  closed(reason: string): void;
}

/** A client-side connection that requests can be opened on. */
export interface ClientConnection {
  /** True while a further request would be accepted now. */
  readonly available: boolean;
  readonly openStreams: number;
  /** @throws never: a failure is reported through `receiver.responseFailed`, after `open` has returned. */
  open(receiver: ResponseReceiver, block: HeaderBlock, endStream: boolean): StreamWriter;
  /** Takes no more requests and closes once those under way are finished (HTTP/2: GOAWAY). */
  drain(): void;
  /** Ends it; streams under way fail with `connection-lost`. */
  destroy(): void;
}
