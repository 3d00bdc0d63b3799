import { z } from 'zod';
import {
  FAULT_BOUNDS,
  type FaultInjection,
  MAX_FAULT_HEADERS,
} from '../../federation/model/fault-injection.ts';
import { duration, durationFromTo } from './duration.ts';
import { inCel } from './kubernetes-rule.ts';
import { plainText } from './metadata.ts';

const GRPC_STATUSES = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

const percentage = z
  .number()
  .min(FAULT_BOUNDS.percentage[0])
  .max(FAULT_BOUNDS.percentage[1])
  .describe('Of the requests that match, e.g. 0.5 for one in two hundred.');

const header = z.strictObject({
  name: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'is not the name of a header')
    .meta({ description: 'Name of a header, in any case.', maxLength: 128 }),
  value: plainText.max(1024).describe('The whole value that it must have.'),
});

const [minDelayMs, maxDelayMs] = FAULT_BOUNDS.fixedMs;

const delay = z.strictObject({
  fixed: duration
    .refine(...durationFromTo(minDelayMs, maxDelayMs))
    .describe('How long a request waits before it goes on, e.g. 2s.'),
  percentage,
});

const abort = z
  .strictObject({
    httpStatus: z
      .int()
      .min(FAULT_BOUNDS.httpStatus[0])
      .max(FAULT_BOUNDS.httpStatus[1])
      .optional()
      .describe(
        'What requests are answered with; gRPC calls with what it means there, unless grpcStatus is given.',
      ),
    grpcStatus: z
      .enum(GRPC_STATUSES)
      .optional()
      .describe('What gRPC calls are answered with. Without httpStatus, other requests are left alone.'),
    percentage,
  })
  .refine((given) => given.httpStatus !== undefined || given.grpcStatus !== undefined, {
    message: 'needs httpStatus or grpcStatus',
    ...inCel('has(self.httpStatus) || has(self.grpcStatus)'),
  });

export const faultInjection = z
  .strictObject({
    headers: z
      .array(header)
      .max(MAX_FAULT_HEADERS)
      .default([])
      .describe('Only requests that have all of these; all requests where it is left out.'),
    delay: delay.optional().describe('Requests that are made to wait.'),
    abort: abort.optional().describe('Requests that are answered at once and sent nowhere.'),
  })
  .refine((given) => given.delay !== undefined || given.abort !== undefined, {
    message: 'needs delay or abort',
    ...inCel('has(self.delay) || has(self.abort)'),
  })
  .describe(
    'Faults on purpose, to test callers. The gateway where the client comes in makes them; flags DI and FI tell them from real ones.',
  );

export function toFaultInjection(given: z.infer<typeof faultInjection>): FaultInjection {
  const { headers, delay: waits, abort: ends } = given;
  return {
    headers: headers.map(({ name, value }) => ({ name: name.toLowerCase(), value })),
    delay: waits === undefined ? undefined : { fixedMs: waits.fixed, percentage: waits.percentage },
    abort:
      ends === undefined
        ? undefined
        : {
            httpStatus: ends.httpStatus,
            grpcStatus:
              ends.grpcStatus === undefined ? undefined : GRPC_STATUSES.indexOf(ends.grpcStatus) + 1,
            percentage: ends.percentage,
          },
  };
}
