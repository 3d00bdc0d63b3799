import { type FailureCode, REQUEST_FAILURES } from '../../federation/model/errors.ts';
import type { HeaderBlock, StreamWriter } from '../http/stream.ts';
import { NO_LOCAL_ENDPOINT_REASON, TRUNK_FIELDS } from './fields.ts';

/** Who is answered, as far as the form of the answer depends on it. */
export interface Answered {
  readonly method: string;
  readonly grpc: boolean;
  readonly onTrunk: boolean;
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
  const { httpStatus, message } = REQUEST_FAILURES[code];
  if (answered.grpc) {
    const block = [':status', '200', 'content-type', 'application/grpc'];
    block.push(...grpcTrailers(code));
    writer.sendHeaders(withReason(block, code, answered), true);
    return { status: 200, bodyBytes: 0, heldBytes: 0 };
  }
  const body = Buffer.from(`${message}\n`, 'latin1');
  const block = [':status', String(httpStatus), 'content-type', 'text/plain; charset=utf-8'];
  block.push('content-length', String(body.length));
  const withoutBody = answered.method === 'HEAD';
  writer.sendHeaders(withReason(block, code, answered), withoutBody);
  if (withoutBody) return { status: httpStatus, bodyBytes: 0, heldBytes: 0 };
  const taken = writer.sendData(body, 0, body.length, true);
  return { status: httpStatus, bodyBytes: body.length, heldBytes: body.length - taken };
}

/** How a gRPC call ends whose response had begun. */
export function grpcTrailers(code: FailureCode): HeaderBlock {
  const { grpcStatus, message } = REQUEST_FAILURES[code];
  return ['grpc-status', String(grpcStatus), 'grpc-message', message];
}

function withReason(block: HeaderBlock, code: FailureCode, answered: Answered): HeaderBlock {
  if (answered.onTrunk && code === 'noLocalEndpoint') {
    block.push(TRUNK_FIELDS.reason, NO_LOCAL_ENDPOINT_REASON);
  }
  return block;
}
