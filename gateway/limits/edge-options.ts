import type { EdgeOptions } from '../exchange/engine.ts';
import { EDGE_HTTP1 } from '../http1/options.ts';
import { EDGE_HTTP2 } from '../http2/options.ts';
import type { WorkerLimits } from './limits-config.ts';

/** What `limits` of gateway.yaml mean for the codecs of clients' connections. */
export function edgeOptions(limits: WorkerLimits): EdgeOptions {
  const {
    maxHeaderFields: maxFields,
    maxHeaderBytes,
    headerTimeoutMs,
    idleTimeoutMs,
    flushTimeoutMs,
  } = limits;
  const { http2 } = limits;
  return {
    http1: {
      ...EDGE_HTTP1,
      maxFields,
      maxHeadBytes: maxHeaderBytes,
      headTimeoutMs: headerTimeoutMs,
      idleTimeoutMs,
      flushTimeoutMs,
    },
    http2: {
      ...EDGE_HTTP2,
      maxConcurrentStreams: http2.maxConcurrentStreams,
      headerTableBytes: http2.headerTableBytes,
      maxFields,
      maxHeaderListBytes: maxHeaderBytes,
      headerLimits: { maxContinuations: http2.maxContinuations, maxBlockBytes: maxHeaderBytes },
      handshakeTimeoutMs: headerTimeoutMs,
      idleTimeoutMs,
      flushTimeoutMs,
      flood: {
        resets: http2.resets,
        pings: http2.pings,
        settings: http2.settings,
        priorities: http2.priorities,
        goAways: http2.goAways,
        windowUpdates: http2.windowUpdates,
        unknown: http2.unknownFrames,
        consecutiveEmptyData: http2.maxEmptyDataFrames,
        unsentControlFrames: http2.maxUnsentControlFrames,
      },
    },
  };
}
