import type {
  AccessRule,
  FailbackPolicy,
  FailoverPolicy,
  FailoverTier,
  HealthCheckKind,
  HealthCheckPolicy,
  OutlierPolicy,
  TierSelector,
  WeightedCluster,
} from '../model/policy.ts';
import type { ServiceName } from '../model/service.ts';
import { BOUNDS } from './bounds.ts';
import { inField, label, listOf, plainText, WireError, within } from './field-checks.ts';

const MAX_MS = 365 * 24 * 3600 * 1000;
const MAX_COUNT = 1_000_000_000;

type Fields = Readonly<Record<string, unknown>>;

/** @throws WireError naming the field that is missing, unknown or out of range. */
export function failoverPolicyFromJson(field: string, json: string): FailoverPolicy {
  return inField(field, () => failoverPolicy(object('', parse(json), POLICY_FIELDS)));
}

/** @throws WireError naming the field that is missing, unknown or out of range. */
export function accessRulesFromJson(field: string, json: string): readonly AccessRule[] {
  return inField(field, () => listOf('', array('', parse(json)), BOUNDS.rulesPerService, accessRule));
}

const POLICY_FIELDS = [
  'name',
  'namespace',
  'targets',
  'tiers',
  'overprovisioningFactor',
  'panicThresholdPercent',
  'staleAfterMs',
  'failback',
  'outlier',
  'healthCheck',
];

function failoverPolicy(fields: Fields): FailoverPolicy {
  return {
    name: text(fields, 'name'),
    namespace: text(fields, 'namespace'),
    targets: list(fields, 'targets', BOUNDS.services, serviceName),
    tiers: list(fields, 'tiers', BOUNDS.tiersPerPolicy, tier),
    overprovisioningFactor: number(fields, 'overprovisioningFactor', 1, 100),
    panicThresholdPercent: number(fields, 'panicThresholdPercent', 0, 100),
    staleAfterMs: number(fields, 'staleAfterMs', 0, MAX_MS),
    failback: inField('failback', () => failback(fields.failback)),
    outlier: inField('outlier', () => outlier(fields.outlier)),
    healthCheck: optional(fields, 'healthCheck', healthCheck),
  };
}

function serviceName(value: unknown): ServiceName {
  const fields = object('', value, ['namespace', 'name']);
  return {
    namespace: label('namespace', text(fields, 'namespace')),
    name: label('name', text(fields, 'name')),
  };
}

function tier(value: unknown): FailoverTier {
  const fields = object('', value, ['selector', 'maxShare', 'maxConcurrent']);
  return {
    selector: inField('selector', () => selector(fields.selector)),
    maxShare: optionalNumber(fields, 'maxShare', 0, 1),
    maxConcurrent: optionalNumber(fields, 'maxConcurrent', 0, MAX_COUNT),
  };
}

function selector(value: unknown): TierSelector {
  const fields = object('', value, ['kind', 'region', 'zone', 'clusters']);
  const kind = oneOf(fields, 'kind', ['same-zone', 'same-region', 'any', 'region', 'clusters']);
  if (kind === 'region') {
    const zone = optional(fields, 'zone', (found) => string('', found));
    return { kind, region: text(fields, 'region'), zone };
  }
  if (kind === 'clusters') return { kind, clusters: list(fields, 'clusters', BOUNDS.peers, weightedCluster) };
  return { kind };
}

function weightedCluster(value: unknown): WeightedCluster {
  const fields = object('', value, ['cluster', 'weight']);
  return {
    cluster: label('cluster', text(fields, 'cluster')),
    weight: number(fields, 'weight', 0, BOUNDS.weight),
  };
}

function failback(value: unknown): FailbackPolicy {
  const fields = object('', value, ['holdDownMs', 'minHealthyPercent', 'steps', 'intervalMs']);
  const steps = list(fields, 'steps', BOUNDS.stepsPerFailback, (step) => numberWithin('', step, 0, 100));
  if (steps.at(-1) !== 100) throw new WireError('steps: the last is not 100');
  if (steps.some((step, index) => step < (steps[index - 1] ?? 0)))
    throw new WireError('steps: not ascending');
  return {
    holdDownMs: number(fields, 'holdDownMs', 0, MAX_MS),
    minHealthyPercent: number(fields, 'minHealthyPercent', 0, 100),
    steps,
    intervalMs: number(fields, 'intervalMs', 0, MAX_MS),
  };
}

function outlier(value: unknown): OutlierPolicy {
  const fields = object('', value, [
    'consecutiveFailures',
    'sweepIntervalMs',
    'baseEjectionMs',
    'maxEjectionMs',
    'maxEjectionPercent',
  ]);
  return {
    consecutiveFailures: number(fields, 'consecutiveFailures', 0, MAX_COUNT),
    sweepIntervalMs: number(fields, 'sweepIntervalMs', 0, MAX_MS),
    baseEjectionMs: number(fields, 'baseEjectionMs', 0, MAX_MS),
    maxEjectionMs: number(fields, 'maxEjectionMs', 0, MAX_MS),
    maxEjectionPercent: number(fields, 'maxEjectionPercent', 0, 100),
  };
}

function healthCheck(value: unknown): HealthCheckPolicy {
  const fields = object('', value, [
    'check',
    'intervalMs',
    'timeoutMs',
    'unhealthyThreshold',
    'healthyThreshold',
  ]);
  return {
    check: inField('check', () => checkKind(fields.check)),
    intervalMs: number(fields, 'intervalMs', 1, MAX_MS),
    timeoutMs: number(fields, 'timeoutMs', 1, MAX_MS),
    unhealthyThreshold: number(fields, 'unhealthyThreshold', 1, MAX_COUNT),
    healthyThreshold: number(fields, 'healthyThreshold', 1, MAX_COUNT),
  };
}

function checkKind(value: unknown): HealthCheckKind {
  const fields = object('', value, ['kind', 'path', 'expectedStatus', 'service']);
  const kind = oneOf(fields, 'kind', ['http', 'grpc', 'tcp']);
  if (kind === 'tcp') return { kind };
  if (kind === 'grpc') return { kind, service: text(fields, 'service') };
  const expectedStatus = list(fields, 'expectedStatus', 600, (code) => numberWithin('', code, 100, 599));
  return { kind, path: text(fields, 'path'), expectedStatus };
}

function accessRule(value: unknown): AccessRule {
  const fields = object('', value, ['action', 'principals', 'sourceClusters', 'methods', 'pathPrefixes']);
  return {
    action: oneOf(fields, 'action', ['allow', 'deny']),
    principals: texts(fields, 'principals'),
    sourceClusters: texts(fields, 'sourceClusters'),
    methods: texts(fields, 'methods'),
    pathPrefixes: texts(fields, 'pathPrefixes'),
  };
}

function parse(json: string): unknown {
  if (json.length > BOUNDS.policyJsonLength) throw new WireError(`: ${json.length} characters are too many`);
  try {
    return JSON.parse(json);
  } catch {
    throw new WireError(': is not JSON');
  }
}

/** A JSON object with no other fields than those known. */
function object(field: string, value: unknown, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError(`${field}: is not an object`);
  }
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new WireError(`${field}: field ${JSON.stringify(unknown)} is unknown`);
  return Object.fromEntries(Object.entries(value));
}

function array(field: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new WireError(`${field}: is not a list`);
  return value;
}

function list<T>(fields: Fields, name: string, max: number, read: (item: unknown) => T): T[] {
  return listOf(name, array(name, fields[name]), max, read);
}

function texts(fields: Fields, name: string): readonly string[] {
  return list(fields, name, BOUNDS.entriesPerRule, (item) => string('', item));
}

function text(fields: Fields, name: string): string {
  return string(name, fields[name]);
}

function string(field: string, value: unknown): string {
  if (typeof value !== 'string') throw new WireError(`${field}: is not text`);
  return plainText(field, value, 4096);
}

function number(fields: Fields, name: string, min: number, max: number): number {
  return numberWithin(name, fields[name], min, max);
}

function optionalNumber(fields: Fields, name: string, min: number, max: number): number | undefined {
  return optional(fields, name, (value) => numberWithin('', value, min, max));
}

function numberWithin(field: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') throw new WireError(`${field}: is not a number`);
  return within(field, value, min, max);
}

function optional<T>(fields: Fields, name: string, read: (value: unknown) => T): T | undefined {
  const value = fields[name];
  return value === undefined ? undefined : inField(name, () => read(value));
}

function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === fields[name]);
  if (found === undefined) throw new WireError(`${name}: is none of ${allowed.join(', ')}`);
  return found;
}
