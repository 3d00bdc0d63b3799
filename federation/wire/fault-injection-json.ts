import {
  FAULT_BOUNDS,
  type FaultAbort,
  type FaultInjection,
  type HeaderValue,
  MAX_FAULT_HEADERS,
} from '../model/fault-injection.ts';
import { WireError } from './field-checks.ts';
import { type Fields, list, number, object, optional, optionalNumber, text } from './json-fields.ts';

/** @throws WireError */
export function faultInjectionFromJson(value: unknown): FaultInjection {
  const fields = object('', value, ['headers', 'delay', 'abort']);
  return {
    headers: list(fields, 'headers', MAX_FAULT_HEADERS, header),
    delay: optional(fields, 'delay', delay),
    abort: optional(fields, 'abort', abort),
  };
}

function header(value: unknown): HeaderValue {
  const fields = object('', value, ['name', 'value']);
  return { name: text(fields, 'name'), value: text(fields, 'value') };
}

function delay(value: unknown): FaultInjection['delay'] {
  const fields = object('', value, ['fixedMs', 'percentage']);
  return { fixedMs: bounded(fields, 'fixedMs'), percentage: bounded(fields, 'percentage') };
}

function abort(value: unknown): FaultAbort {
  const fields = object('', value, ['httpStatus', 'grpcStatus', 'percentage']);
  const httpStatus = optionalNumber(fields, 'httpStatus', ...FAULT_BOUNDS.httpStatus);
  const grpcStatus = optionalNumber(fields, 'grpcStatus', ...FAULT_BOUNDS.grpcStatus);
  if (httpStatus === undefined && grpcStatus === undefined) throw new WireError(': has no status');
  return { httpStatus, grpcStatus, percentage: bounded(fields, 'percentage') };
}

function bounded(fields: Fields, name: keyof typeof FAULT_BOUNDS): number {
  const [min, max] = FAULT_BOUNDS[name];
  return number(fields, name, min, max);
}
