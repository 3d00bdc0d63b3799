import { type FailureCode, REQUEST_FAILURES } from '../../federation/model/errors.ts';
import { type FaultAbort, grpcStatusOf } from '../../federation/model/fault-injection.ts';
import type { HeaderChanges } from '../../federation/model/mesh-route.ts';
import type { HeaderBlock, StreamWriter } from '../http/stream.ts';
import { NO_LOCAL_ENDPOINT_REASON, TRUNK_FIELDS } from './fields.ts';
import { changeHeaders } from './header-changes.ts';
import type { RuleAnswer } from './request.ts';

/** Who is answered, as far as the form of the answer depends on it. */
export interface Answered {
  readonly method: string;
  readonly grpc: boolean;
  readonly onTrunk: boolean;
  /** After which it may come again; 0 = nothing is said of it. */
  readonly retryAfterMs: number;
  /** Whose statuses take the place of the table's. */
  readonly abort: FaultAbort | undefined;
}

/** What was written: the HTTP status, the body's bytes, and how many of those wait for the reader. */
export interface Answer {
  readonly status: number;
  readonly bodyBytes: number;
  readonly heldBytes: number;
}

/**
 * The one place where the gateway answers by itself. gRPC gets a trailers-only response (`200` with `grpc-status`),
 * everyone else the status and one sentence; a trunk is also told a reason that it can act on.
 */
export function answerFailure(writer: StreamWriter, code: FailureCode, answered: Answered): Answer {
  const { message } = REQUEST_FAILURES[code];
  const httpStatus = answered.abort?.httpStatus ?? REQUEST_FAILURES[code].httpStatus;
  if (answered.grpc) {
    const block = [':status', '200', 'content-type', 'application/grpc'];
    block.push(...grpcTrailers(code, answered.abort));
    // gRFC A6: the server's word on when to try again.
    if (answered.retryAfterMs > 0) {
      block.push('grpc-retry-pushback-ms', String(Math.ceil(answered.retryAfterMs)));
    }
    writer.sendHeaders(withReason(block, code, answered), true);
    return { status: 200, bodyBytes: 0, heldBytes: 0 };
  }
  const body = Buffer.from(`${message}\n`, 'latin1');
  const block = [':status', String(httpStatus), 'content-type', 'text/plain; charset=utf-8'];
  block.push('content-length', String(body.length));
  if (answered.retryAfterMs > 0) {
    block.push('retry-after', String(Math.ceil(answered.retryAfterMs / 1000)));
  }
  const withoutBody = answered.method === 'HEAD';
  writer.sendHeaders(withReason(block, code, answered), withoutBody);
  if (withoutBody) return { status: httpStatus, bodyBytes: 0, heldBytes: 0 };
  const taken = writer.sendData(body, 0, body.length, true);
  return { status: httpStatus, bodyBytes: body.length, heldBytes: body.length - taken };
}

/** What a rule answers has no body: its fields say everything. */
export function answerByRule(
  writer: StreamWriter,
  { status, fields }: RuleAnswer,
  changes: readonly HeaderChanges[] = [],
): Answer {
  const block: HeaderBlock = [':status', String(status), ...fields];
  for (const change of changes) changeHeaders(block, change);
  writer.sendHeaders(block, true);
  return { status, bodyBytes: 0, heldBytes: 0 };
}

/** How a gRPC call ends whose response had begun. */
export function grpcTrailers(code: FailureCode, abort?: FaultAbort): HeaderBlock {
  const { grpcStatus, message } = REQUEST_FAILURES[code];
  const status = abort === undefined ? grpcStatus : grpcStatusOfAbort(abort);
  return ['grpc-status', String(status), 'grpc-message', message];
}

function grpcStatusOfAbort({ grpcStatus, httpStatus }: FaultAbort): number {
  return grpcStatus ?? grpcStatusOf(httpStatus ?? REQUEST_FAILURES.faultInjected.httpStatus);
}

function withReason(block: HeaderBlock, code: FailureCode, answered: Answered): HeaderBlock {
  if (answered.onTrunk && code === 'noLocalEndpoint') {
    block.push(TRUNK_FIELDS.reason, NO_LOCAL_ENDPOINT_REASON);
  }
  return block;
}
