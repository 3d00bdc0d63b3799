import { z } from 'zod';

/** What has no HTTP status: the API server did not answer, or not as one; `Silent` is a watch that said nothing more. */
export type TransportReason = 'Unreachable' | 'Timeout' | 'Silent' | 'Malformed' | 'TooLarge';

export interface KubeErrorDetails {
  /** The HTTP status; 0 where there was no whole answer. */
  readonly status: number;
  /** Kubernetes' own word (`NotFound`, `Conflict`, `Expired`, …), or one of `TransportReason`. */
  readonly reason: string;
  readonly message: string;
  /** How long the API server asks to be left alone. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A request to the API server that failed. `message` names the request and what was said, never what was sent. */
export class KubeError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor({ status, reason, message, retryAfterMs, cause }: KubeErrorDetails) {
    super(message, { cause });
    this.name = 'KubeError';
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  static transport(request: string, reason: TransportReason, what: string, cause?: unknown): KubeError {
    return new KubeError({ status: 0, reason, message: `${request}: ${what}`, cause });
  }

  /** The object, or the whole kind (its CRD), is not there. */
  static isNotFound(failure: unknown): boolean {
    return failure instanceof KubeError && failure.status === 404;
  }

  /** Somebody else was there first: another resourceVersion, another field manager, or the object exists. */
  static isConflict(failure: unknown): boolean {
    return failure instanceof KubeError && failure.status === 409;
  }

  /** No answer, or one of a server that cannot serve: it says nothing of what was asked. */
  static isOutage(failure: unknown): boolean {
    if (!(failure instanceof KubeError)) return false;
    const { status, reason } = failure;
    return status >= 500 || (status === 0 && (reason === 'Unreachable' || reason === 'Timeout'));
  }

  /** The resourceVersion, or the rest of a listing, is no longer kept: everything has to be listed anew. */
  static isGone(failure: unknown): boolean {
    return failure instanceof KubeError && (failure.status === 410 || failure.reason === 'Expired');
  }
}

const MAX_MESSAGE_LENGTH = 2000;
const MAX_RETRY_AFTER_S = 300;

/** `v1` Status as far as it is read. */
const status = z.object({
  code: z.int().catch(0),
  reason: z.string().max(100).catch(''),
  message: z.string().catch(''),
  details: z
    .object({ retryAfterSeconds: z.int().min(0).max(MAX_RETRY_AFTER_S).optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

/** From an answer that is not 2xx. @param request what was asked, for the message: method and path */
export function errorFromAnswer(
  request: string,
  httpStatus: number,
  body: string,
  retryAfter?: string | undefined,
): KubeError {
  const said = status.safeParse(parseJson(body)).data;
  const reason = said?.reason || (REASONS.get(httpStatus) ?? 'Unknown');
  const text = said?.message || body.trim() || 'no reason was given';
  const seconds = said?.details?.retryAfterSeconds ?? headerSeconds(retryAfter);
  return new KubeError({
    status: httpStatus,
    reason,
    message: `${request}: ${httpStatus} ${reason}: ${text.slice(0, MAX_MESSAGE_LENGTH)}`,
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
  });
}

/** From the object of a watch's `ERROR` event. */
export function errorFromEvent(request: string, object: unknown): KubeError {
  const said = status.safeParse(object).data;
  return errorFromAnswer(request, said?.code ?? 0, JSON.stringify(object ?? null));
}

/** Proxies between us and the API server answer without a Status. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'NotFound'],
  [409, 'Conflict'],
  [410, 'Expired'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
  [503, 'ServiceUnavailable'],
  [504, 'Timeout'],
]);

function headerSeconds(value: string | undefined): number | undefined {
  if (value === undefined || !/^[0-9]{1,6}$/.test(value)) return undefined;
  return Math.min(Number(value), MAX_RETRY_AFTER_S);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not a Status: the text itself is told.
    return undefined;
  }
}
