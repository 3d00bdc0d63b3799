import { z } from 'zod';

const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_TIMER_MS = 2 ** 31 - 1;
const durationMs = z.int().min(1).max(MAX_TIMER_MS);
/** Above it a client's deadlines would be longer than anybody waits for a slow one. */
const clientTimeMs = z.int().min(100).max(3_600_000);

/** So many frames a second on average, and `burst` at once. */
function frames(ratePerSecond: number, burst: number) {
  return z
    .strictObject({
      ratePerSecond: z.number().min(1).max(100_000).default(ratePerSecond),
      burst: z.int().min(1).max(1_000_000).default(burst),
    })
    .prefault({});
}

/** What one HTTP/2 connection of a client may make the gateway do. */
const http2Limits = z
  .strictObject({
    maxConcurrentStreams: z.int().min(1).max(10_000).default(250),
    /** Of the HPACK table that a client may fill. */
    headerTableBytes: z
      .int()
      .min(0)
      .max(64 * KIB)
      .default(4096),
    /** CONTINUATION frames of one header block. */
    maxContinuations: z.int().min(0).max(64).default(8),
    /** DATA frames without a byte and without END_STREAM, in a row, on one stream. */
    maxEmptyDataFrames: z.int().min(0).max(1000).default(1),
    /** Answers to PING, SETTINGS and mistakes that the client's socket has not taken. */
    maxUnsentControlFrames: z.int().min(10).max(100_000).default(1000),
    /** RST_STREAM that came in, and those that a client's mistakes made us send. */
    resets: frames(33, 1000),
    pings: frames(100, 1000),
    settings: frames(10, 100),
    priorities: frames(100, 1000),
    goAways: frames(10, 100),
    /** Beside ten for each DATA frame that we sent. */
    windowUpdates: frames(100, 2000),
    unknownFrames: frames(100, 1000),
  })
  .prefault({});

/** Where a worker begins to shed load: pressures, of which 1 is all that it may carry. */
const overloadLimits = z
  .strictObject({
    closeIdleAt: z.number().min(0.1).max(10).default(0.85),
    refuseRequestsAt: z.number().min(0.1).max(10).default(0.95),
    refuseConnectionsAt: z.number().min(0.1).max(10).default(1),
    maxLoopDelayMs: z.int().min(10).max(60_000).default(500),
    calmMs: z.int().min(100).max(600_000).default(5000),
    /** Heap and buffers of one worker; without it 80 % of what the machine or its cgroup has, by the workers. */
    maxMemoryBytes: z
      .int()
      .min(64 * MIB)
      .optional(),
  })
  .prefault({})
  .refine(
    ({ closeIdleAt, refuseRequestsAt, refuseConnectionsAt }) =>
      closeIdleAt <= refuseRequestsAt && refuseRequestsAt <= refuseConnectionsAt,
    'closeIdleAt, refuseRequestsAt and refuseConnectionsAt must not fall',
  );

/**
 * Bounds of one worker against hostile or broken clients and slow pods: `limits` in gateway.yaml. Header sizes end
 * where trunks, which take what any gateway of the clusterset let in and some fields more, have their own bound.
 */
export const workerLimits = z
  .strictObject({
    maxConnections: z.int().min(1).max(1_000_000).default(20_000),
    maxActiveRequests: z.int().min(1).max(1_000_000).default(20_000),
    /** For slow readers and for requests that may have to be sent again; past it new work is shed. */
    maxHeldBytes: z
      .int()
      .min(MIB)
      .max(16 * KIB * MIB)
      .default(64 * MIB),
    /** For a TLS handshake. */
    handshakeTimeoutMs: clientTimeMs.default(10_000),
    /** For a connection's first bytes, a request's head, a header block, and the answer to our SETTINGS. */
    headerTimeoutMs: clientTimeMs.default(10_000),
    /** Without a request; HTTP/1 also without any progress of one. */
    idleTimeoutMs: durationMs.min(1000).default(300_000),
    /** For any byte of an opaque (TCP) connection, in either direction. */
    tcpIdleTimeoutMs: durationMs.min(1000).default(3_600_000),
    /** For the next byte to go out to a client that does not read, or does not open its window. */
    flushTimeoutMs: durationMs.min(1000).default(300_000),
    /** From the end of a request to the beginning of its response; gRPC calls have deadlines of their own. */
    responseTimeoutMs: durationMs.default(60_000),
    /** Without a byte from an HTTP/2 pod that has requests under way: it is asked by PING. 0 = never. */
    podSilenceMs: z.int().min(0).max(3_600_000).default(5_000),
    /** Without a byte from it after that PING, its connection is lost. */
    podPingTimeoutMs: durationMs.min(1000).default(15_000),
    maxHeaderFields: z.int().min(16).max(200).default(100),
    /** Of one header block: as it comes in, and decoded with 32 bytes for each field. */
    maxHeaderBytes: z
      .int()
      .min(4 * KIB)
      .max(60 * KIB)
      .default(60 * KIB),
    http2: http2Limits,
    overload: overloadLimits,
  })
  .prefault({});

export type WorkerLimits = Readonly<z.infer<typeof workerLimits>>;
