import type { FloodLimits } from './flood-guard.ts';
import { MAX_STREAM_ID } from './frame.ts';
import type { HeaderLimits } from './header-assembler.ts';
import type { SilenceLimits } from './silence-watch.ts';
import type { WindowLimits } from './window-estimator.ts';

/** How an HTTP/2 connection behaves: windows, limits, times. The sign of life is asked for by clients alone. */
export interface Http2Options extends WindowLimits, SilenceLimits {
  /** Streams that the peer may have open at once (a server's setting). */
  readonly maxConcurrentStreams: number;
  /** Highest id that a client gives a stream: past it there is another connection. */
  readonly maxStreamId: number;
  readonly headerTableBytes: number;
  readonly maxFields: number;
  /** Decoded, with 32 bytes for each field. */
  readonly maxHeaderListBytes: number;
  readonly headerLimits: HeaderLimits;
  /** Huffman code in what we send. */
  readonly huffman: boolean;
  /** RFC 8441: whether we take extended CONNECT. */
  readonly connectProtocol: boolean;
  readonly flood: FloodLimits | undefined;
  /** Unsent bytes past which bodies are held per stream. */
  readonly highWaterBytes: number;
  /** For the preface, for a header block to become complete, and for our SETTINGS to be acknowledged. */
  readonly handshakeTimeoutMs: number;
  /** Without a stream; 0 = never. */
  readonly idleTimeoutMs: number;
  /** Without progress although something waits to be sent; 0 = never. */
  readonly flushTimeoutMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

const EDGE_FLOOD: FloodLimits = {
  resets: { ratePerSecond: 33, burst: 1000 },
  pings: { ratePerSecond: 100, burst: 1000 },
  settings: { ratePerSecond: 10, burst: 100 },
  priorities: { ratePerSecond: 100, burst: 1000 },
  goAways: { ratePerSecond: 10, burst: 100 },
  windowUpdates: { ratePerSecond: 100, burst: 2000 },
  unknown: { ratePerSecond: 100, burst: 1000 },
  consecutiveEmptyData: 1,
  unsentControlFrames: 1000,
};

const COMMON = {
  maxStreamId: MAX_STREAM_ID,
  streamWindowBytes: 256 * KIB,
  connectionWindowBytes: 16 * MIB,
  maxStreamWindowBytes: 4 * MIB,
  maxConnectionWindowBytes: 16 * MIB,
  headerTableBytes: 4096,
  maxFields: 100,
  maxHeaderListBytes: 60 * KIB,
  headerLimits: { maxContinuations: 8, maxBlockBytes: 60 * KIB },
  highWaterBytes: 512 * KIB,
  handshakeTimeoutMs: 10_000,
  flushTimeoutMs: 300_000,
  silenceMs: 0,
  pingTimeoutMs: 15_000,
} as const;

/** Clients: what comes in is hostile. */
export const EDGE_HTTP2: Http2Options = {
  ...COMMON,
  maxConcurrentStreams: 250,
  huffman: true,
  connectProtocol: true,
  flood: EDGE_FLOOD,
  idleTimeoutMs: 300_000,
};

/**
 * Between our own gateways: with a table that the fields of many callers find room in. A peer's edge may let in 200 fields and 60 KiB, to which the engine adds its own.
 * Trunks have PINGs of their own, more often.
 */
export const TRUNK_HTTP2: Http2Options = {
  ...COMMON,
  headerTableBytes: 64 * KIB,
  maxFields: 220,
  maxHeaderListBytes: 68 * KIB,
  headerLimits: { maxContinuations: 8, maxBlockBytes: 68 * KIB },
  maxConcurrentStreams: 1000,
  huffman: false,
  connectProtocol: true,
  flood: undefined,
  idleTimeoutMs: 0,
};

/** Towards pods, which are near: Huffman code costs more there than its bytes. */
export const UPSTREAM_HTTP2: Http2Options = {
  ...COMMON,
  maxConcurrentStreams: 0,
  huffman: false,
  connectProtocol: false,
  flood: undefined,
  idleTimeoutMs: 0,
  silenceMs: 5_000,
};
