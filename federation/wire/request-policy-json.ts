import {
  LONGEST_TIMEOUT_MS,
  MAX_IDEMPOTENT_PATHS,
  MAX_RETRIABLE_STATUS_CODES,
  RETRY_BOUNDS,
  RETRY_CONDITIONS,
  type RequestTimeouts,
  type RetryPolicy,
} from '../model/request-policy.ts';
import { inField, WireError } from './field-checks.ts';
import {
  type Fields,
  list,
  number,
  numberWithin,
  object,
  openObject,
  optional,
  optionalNumber,
  string,
  whole,
} from './json-fields.ts';

/** @throws WireError */
export function timeoutsFromJson(value: unknown): RequestTimeouts {
  const fields = openObject('', value, ['requestMs', 'backendRequestMs', 'idleMs']);
  return {
    requestMs: optionalNumber(fields, 'requestMs', 0, LONGEST_TIMEOUT_MS),
    backendRequestMs: optionalNumber(fields, 'backendRequestMs', 0, LONGEST_TIMEOUT_MS),
    idleMs: optionalNumber(fields, 'idleMs', 0, LONGEST_TIMEOUT_MS),
  };
}

const RETRY_FIELDS = [
  'attempts',
  'on',
  'statusCodes',
  'idempotentPaths',
  'perTryTimeoutMs',
  'backoff',
  'budget',
];

/** @throws WireError */
export function retriesFromJson(value: unknown): RetryPolicy {
  const fields = object('', value, RETRY_FIELDS);
  const [minStatus, maxStatus] = RETRY_BOUNDS.statusCodes;
  const [minTryMs, maxTryMs] = RETRY_BOUNDS.perTryTimeoutMs;
  return {
    attempts: bounded(fields, 'attempts'),
    on: list(fields, 'on', RETRY_CONDITIONS.length, condition),
    statusCodes: list(fields, 'statusCodes', MAX_RETRIABLE_STATUS_CODES, (code) =>
      numberWithin('', code, minStatus, maxStatus),
    ),
    idempotentPaths: list(fields, 'idempotentPaths', MAX_IDEMPOTENT_PATHS, (path) => string('', path)),
    perTryTimeoutMs: optional(fields, 'perTryTimeoutMs', (found) =>
      numberWithin('', found, minTryMs, maxTryMs),
    ),
    backoff: inField('backoff', () => backoff(fields.backoff)),
    budget: inField('budget', () => budget(fields.budget)),
  };
}

function condition(value: unknown): RetryPolicy['on'][number] {
  const found = RETRY_CONDITIONS.find((known) => known === value);
  if (found === undefined) throw new WireError(`: is none of ${RETRY_CONDITIONS.join(', ')}`);
  return found;
}

function backoff(value: unknown): RetryPolicy['backoff'] {
  const fields = object('', value, ['baseMs', 'maxMs']);
  return { baseMs: bounded(fields, 'baseMs'), maxMs: bounded(fields, 'maxMs') };
}

function budget(value: unknown): RetryPolicy['budget'] {
  const fields = object('', value, ['percent', 'minConcurrency']);
  return { percent: bounded(fields, 'percent'), minConcurrency: bounded(fields, 'minConcurrency') };
}

function bounded(fields: Fields, name: keyof typeof RETRY_BOUNDS): number {
  const [min, max] = RETRY_BOUNDS[name];
  return name === 'percent' ? number(fields, name, min, max) : whole(fields, name, min, max);
}
