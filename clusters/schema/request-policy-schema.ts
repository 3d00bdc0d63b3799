import { z } from 'zod';
import {
  DEFAULT_RETRIES,
  LONGEST_TIMEOUT_MS,
  MAX_IDEMPOTENT_PATHS,
  MAX_RETRIABLE_STATUS_CODES,
  RETRY_BOUNDS,
  RETRY_CONDITIONS,
  type RequestTimeouts,
  type RetryPolicy,
} from '../../federation/model/request-policy.ts';
import { duration, durationFromTo } from './duration.ts';
import { inCel } from './kubernetes-rule.ts';

const timeout = duration
  .refine((ms) => ms <= LONGEST_TIMEOUT_MS, {
    message: 'must be at most 24h',
    ...inCel("duration(self) <= duration('24h')"),
  })
  .optional();

/** Without a bound for the whole, an attempt may take any time. */
const ATTEMPT_WITHIN_REQUEST = [
  '!has(self.request)',
  '!has(self.backendRequest)',
  "duration(self.request) == duration('0s')",
  'duration(self.backendRequest) <= duration(self.request)',
].join(' || ');

/** Names and meaning are those of Gateway API's HTTPRoute; `idle` is Envoy's stream idle timeout. */
export const timeouts = z
  .strictObject({
    request: timeout.describe(
      'From the first byte of a request to the last of its response, e.g. 10s; 0s for no bound. Then 504, or DEADLINE_EXCEEDED.',
    ),
    backendRequest: timeout.describe(
      'Of one attempt, from its sending to the last byte of its response, e.g. 2s; 0s for no bound. Not above request.',
    ),
    idle: timeout.describe(
      'Time without a byte in either direction, after which a request, a WebSocket or a TCP connection ends; 0s for no bound.',
    ),
  })
  .refine(({ request, backendRequest }) => !request || (backendRequest ?? 0) <= request, {
    message: 'is longer than request',
    path: ['backendRequest'],
    ...inCel(ATTEMPT_WITHIN_REQUEST),
  })
  .describe(
    'How long requests may take. The gateway where the client comes in sees to it, for all clusters.',
  );

export function toTimeouts(given: z.infer<typeof timeouts>): RequestTimeouts {
  return { requestMs: given.request, backendRequestMs: given.backendRequest, idleMs: given.idle };
}

const whole = (name: keyof typeof RETRY_BOUNDS) => {
  const [min, max] = RETRY_BOUNDS[name];
  return z.int().min(min).max(max);
};

const within = (name: keyof typeof RETRY_BOUNDS) => {
  const [min, max] = RETRY_BOUNDS[name];
  return duration.refine(...durationFromTo(min, max));
};

const backoff = z
  .strictObject({
    base: within('baseMs')
      .default(DEFAULT_RETRIES.backoff.baseMs)
      .describe(
        'Longest delay before the first retry; each further one may take twice as long. The delay is random.',
      ),
    max: within('maxMs').default(DEFAULT_RETRIES.backoff.maxMs).describe('Longest delay before any retry.'),
  })
  .refine(({ base, max }) => base <= max, {
    message: 'is less than base',
    path: ['max'],
    ...inCel('duration(self.base) <= duration(self.max)'),
  });

const budget = z.strictObject({
  percent: z
    .number()
    .min(RETRY_BOUNDS.percent[0])
    .max(RETRY_BOUNDS.percent[1])
    .default(DEFAULT_RETRIES.budget.percent)
    .describe("How many percent of a gateway pod's requests under way may be retries."),
  minConcurrency: whole('minConcurrency')
    .default(DEFAULT_RETRIES.budget.minConcurrency)
    .describe('As many retries a gateway pod may always have under way.'),
});

export const retries = z
  .strictObject({
    attempts: whole('attempts')
      .default(DEFAULT_RETRIES.attempts)
      .describe('How many times a request is tried again at most.'),
    // Not `on`: YAML 1.1, which kubectl reads, takes that for true.
    retryOn: z
      .array(z.enum(RETRY_CONDITIONS))
      .min(1)
      .max(RETRY_CONDITIONS.length)
      .default([...DEFAULT_RETRIES.on])
      .describe("What is tried again, under Envoy's names: HTTP conditions and gRPC statuses."),
    statusCodes: z
      .array(whole('statusCodes'))
      .max(MAX_RETRIABLE_STATUS_CODES)
      .default([])
      .describe('The HTTP statuses that retriable-status-codes means.'),
    idempotentPaths: z
      .array(
        // The bound is not in the pattern: RE2, by which Kubernetes checks it, counts to 1000 at most.
        z
          .string()
          .max(1024)
          .regex(/^\/[!-~]*$/, 'is not a path that begins with /'),
      )
      .max(MAX_IDEMPOTENT_PATHS)
      .default([])
      .describe(
        'Paths, or beginnings of paths followed by *, whose requests may be done twice whatever their method; gRPC methods among them.',
      ),
    perTryTimeout: within('perTryTimeoutMs')
      .optional()
      .describe('Bound of each attempt, instead of timeouts.backendRequest.'),
    backoff: backoff
      .default({ base: DEFAULT_RETRIES.backoff.baseMs, max: DEFAULT_RETRIES.backoff.maxMs })
      .describe('Exponential backoff with full jitter.'),
    budget: budget
      .default({ ...DEFAULT_RETRIES.budget })
      .describe('Bounds retries, so that they do not make an overload worse.'),
  })
  .refine(
    ({ retryOn, statusCodes }) => retryOn.includes('retriable-status-codes') || statusCodes.length === 0,
    {
      message: 'needs retriable-status-codes in retryOn',
      path: ['statusCodes'],
      ...inCel("'retriable-status-codes' in self.retryOn || self.statusCodes.size() == 0"),
    },
  )
  .describe(
    'Which failed requests are tried again. Never one that may have been processed and must not be done twice. Only the gateway where the client comes in retries.',
  );

export function toRetries(given: z.infer<typeof retries>): RetryPolicy {
  const { retryOn, perTryTimeout, backoff: delays, ...rest } = given;
  return {
    ...rest,
    on: retryOn,
    perTryTimeoutMs: perTryTimeout,
    backoff: { baseMs: delays.base, maxMs: delays.max },
  };
}
