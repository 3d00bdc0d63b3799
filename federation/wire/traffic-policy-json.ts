import {
  type HashSource,
  isPrime,
  type LoadBalancing,
  MAGLEV_TABLE_SIZE,
  RING_SIZE,
  type SlowStart,
  type TrafficPolicy,
} from '../model/traffic-policy.ts';
import { BOUNDS } from './bounds.ts';
import { connectionPoolFromJson } from './connection-pool-json.ts';
import { faultInjectionFromJson } from './fault-injection-json.ts';
import { inField, WireError } from './field-checks.ts';
import {
  type Fields,
  list,
  MAX_MS,
  number,
  oneOf,
  openObject,
  optional,
  optionalNumber,
  parse,
  serviceName,
  text,
  whole,
} from './json-fields.ts';
import { rateLimitsFromJson } from './rate-limits-json.ts';
import { retriesFromJson, timeoutsFromJson } from './request-policy-json.ts';
import { upstreamTlsFromJson } from './upstream-tls-json.ts';

/** @throws WireError naming the field that is missing, unknown or out of range. */
export function trafficPolicyFromJson(field: string, json: string): TrafficPolicy {
  return inField(field, () => trafficPolicy(openObject('', parse(json), POLICY_FIELDS)));
}

const POLICY_FIELDS = [
  'name',
  'namespace',
  'targets',
  'loadBalancing',
  'upstreamTls',
  'connectionPool',
  'timeouts',
  'retries',
  'rateLimits',
  'faultInjection',
];

function trafficPolicy(fields: Fields): TrafficPolicy {
  return {
    name: text(fields, 'name'),
    namespace: text(fields, 'namespace'),
    targets: list(fields, 'targets', BOUNDS.services, serviceName),
    loadBalancing: inField('loadBalancing', () => loadBalancing(fields.loadBalancing)),
    upstreamTls: optional(fields, 'upstreamTls', upstreamTlsFromJson),
    connectionPool: optional(fields, 'connectionPool', connectionPoolFromJson),
    timeouts: optional(fields, 'timeouts', timeoutsFromJson),
    retries: optional(fields, 'retries', retriesFromJson),
    rateLimits: optional(fields, 'rateLimits', rateLimitsFromJson),
    faultInjection: optional(fields, 'faultInjection', faultInjectionFromJson),
  };
}

const KINDS = ['power-of-two', 'round-robin', 'random', 'least-request', 'ring-hash', 'maglev'] as const;
const BALANCING_FIELDS = [
  'kind',
  'slowStart',
  'choiceCount',
  'activeRequestBias',
  'hashOn',
  'minimumRingSize',
  'maximumRingSize',
  'tableSize',
];

function loadBalancing(value: unknown): LoadBalancing {
  const fields = openObject('', value, BALANCING_FIELDS);
  const kind = oneOf(fields, 'kind', KINDS);
  switch (kind) {
    case 'least-request':
      return {
        kind,
        choiceCount: whole(fields, 'choiceCount', 2, BOUNDS.choiceCount),
        activeRequestBias: number(fields, 'activeRequestBias', 0, BOUNDS.exponent),
        slowStart: optional(fields, 'slowStart', slowStart),
      };
    case 'ring-hash': {
      const maximumRingSize = whole(fields, 'maximumRingSize', 1, RING_SIZE.atMost);
      const minimumRingSize = whole(fields, 'minimumRingSize', 1, maximumRingSize);
      return {
        kind,
        hashOn: inField('hashOn', () => hashSource(fields.hashOn)),
        minimumRingSize,
        maximumRingSize,
      };
    }
    case 'maglev': {
      const tableSize = number(fields, 'tableSize', MAGLEV_TABLE_SIZE.atLeast, MAGLEV_TABLE_SIZE.atMost);
      if (!isPrime(tableSize)) throw new WireError(`tableSize: ${tableSize} is not a prime number`);
      return { kind, hashOn: inField('hashOn', () => hashSource(fields.hashOn)), tableSize };
    }
    default:
      return { kind, slowStart: optional(fields, 'slowStart', slowStart) };
  }
}

function hashSource(value: unknown): HashSource {
  const fields = openObject('', value, ['kind', 'name', 'path', 'ttlMs']);
  const kind = oneOf(fields, 'kind', ['header', 'cookie', 'source-address']);
  if (kind === 'source-address') return { kind };
  const name = text(fields, 'name');
  if (kind === 'header') return { kind, name };
  return { kind, name, path: text(fields, 'path'), ttlMs: optionalNumber(fields, 'ttlMs', 0, MAX_MS) };
}

function slowStart(value: unknown): SlowStart {
  const fields = openObject('', value, ['windowMs', 'minWeightPercent', 'aggression']);
  return {
    windowMs: number(fields, 'windowMs', 1, MAX_MS),
    minWeightPercent: number(fields, 'minWeightPercent', 1, 100),
    aggression: number(fields, 'aggression', 1 / BOUNDS.exponent, BOUNDS.exponent),
  };
}
