import { type Http2Options, UPSTREAM_HTTP2 } from '../http2/options.ts';
import type { WorkerLimits } from './limits-config.ts';

/** What `limits` of gateway.yaml mean for HTTP/2 connections to pods. */
export function upstreamOptions({ podSilenceMs, podPingTimeoutMs }: WorkerLimits): Http2Options {
  return { ...UPSTREAM_HTTP2, silenceMs: podSilenceMs, pingTimeoutMs: podPingTimeoutMs };
}
