/** What is done wrong on purpose, to see whether callers bear it. Opaque TCP is left alone. */
export interface FaultInjection {
  /** Only requests that have all of these; names in lower case, values whole. */
  readonly headers: readonly HeaderValue[];
  /** Before the request goes on. */
  readonly delay: { readonly fixedMs: number; readonly percentage: number } | undefined;
  /** Instead of sending it anywhere. */
  readonly abort: FaultAbort | undefined;
}

export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

export interface FaultAbort {
  /** At least one of the two is given; a gRPC call gets its status, or what the HTTP status means in gRPC. */
  readonly httpStatus: number | undefined;
  readonly grpcStatus: number | undefined;
  /** 0 to 100, of the requests that match. */
  readonly percentage: number;
}

/** What is done to one request of those. */
export interface Fault {
  /** 0 = it does not wait. */
  readonly delayMs: number;
  readonly abort: FaultAbort | undefined;
}

/** Smallest and largest value of each. */
export const FAULT_BOUNDS = {
  fixedMs: [1, 300_000],
  percentage: [0, 100],
  httpStatus: [400, 599],
  grpcStatus: [1, 16],
} as const satisfies Record<string, readonly [number, number]>;

export const MAX_FAULT_HEADERS = 16;

/** gRPC's own mapping, for clients that get an HTTP status: doc/http-grpc-status-mapping.md. */
export function grpcStatusOf(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}
