/**
 * The one table of how a request can fail: what the client, the gRPC client, the access log and the metric see.
 * Response flags follow Envoy's where it has one.
 */
export interface RequestFailure {
  readonly httpStatus: number;
  /** gRPC status code, https://grpc.io/docs/guides/status-codes/. */
  readonly grpcStatus: number;
  /** Response flag in the access log and in `flags` of `isthmus_requests_total`. */
  readonly flag: string;
  /** One sentence for the response body. Never names internal addresses. */
  readonly message: string;
}

function failure(httpStatus: number, grpcStatus: number, flag: string, message: string): RequestFailure {
  return { httpStatus, grpcStatus, flag, message };
}

export const REQUEST_FAILURES = {
  badRequest: failure(400, 3, 'DPE', 'The request is malformed.'),
  misdirected: failure(421, 5, 'MD', 'This connection does not serve that authority.'),
  unauthenticated: failure(401, 16, 'UA', 'The caller has no acceptable identity.'),
  forbidden: failure(403, 7, 'RBAC', 'Access to this service is denied.'),
  requestTimeout: failure(408, 4, 'SI', 'The request did not arrive in time.'),
  noRoute: failure(404, 12, 'NR', 'No service of the clusterset has this name.'),
  noMatchingRule: failure(404, 12, 'NR', 'No route of this service matches the request.'),
  noBackend: failure(500, 14, 'NC', 'The route that matches has no backend that can be used.'),
  brokenRule: failure(500, 13, 'NC', 'The route that matches asks for what this gateway does not support.'),
  noHealthyUpstream: failure(503, 14, 'UH', 'No cluster has a healthy endpoint for this service.'),
  noLocalEndpoint: failure(503, 14, 'UH', 'The destination cluster has no endpoint for this service.'),
  upstreamConnectFailure: failure(503, 14, 'UF', 'The upstream connection failed.'),
  upstreamReset: failure(502, 14, 'UC', 'The upstream connection ended before the response was complete.'),
  upstreamRefused: failure(503, 14, 'UR', 'The upstream refused the request.'),
  upstreamProtocol: failure(502, 13, 'UPE', 'The upstream sent a malformed response.'),
  upstreamTimeout: failure(504, 4, 'UT', 'The upstream did not answer in time.'),
  overflow: failure(503, 8, 'UO', 'Too many requests are in flight to this service.'),
  rateLimited: failure(429, 8, 'RL', 'The rate limit of this service is reached: try again later.'),
  faultInjected: failure(503, 14, 'FI', 'A policy made this request fail on purpose.'),
  overloaded: failure(503, 8, 'OM', 'The gateway is overloaded.'),
  idleTimeout: failure(504, 4, 'SI', 'Nothing was sent in either direction for too long.'),
  downstreamGone: failure(499, 1, 'DC', 'The client went away.'),
  internal: failure(500, 13, 'IE', 'The gateway failed.'),
} as const satisfies Record<string, RequestFailure>;

export type FailureCode = keyof typeof REQUEST_FAILURES;
