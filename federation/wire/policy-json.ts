import type {
  AccessRule,
  FailbackPolicy,
  FailoverPolicy,
  FailoverTier,
  HealthCheckKind,
  HealthCheckPolicy,
  OutlierPolicy,
  RuleOrigin,
  TierSelector,
  WeightedCluster,
} from '../model/policy.ts';
import { BOUNDS } from './bounds.ts';
import { inField, label, listOf, WireError } from './field-checks.ts';
import {
  array,
  type Fields,
  list,
  MAX_COUNT,
  MAX_MS,
  number,
  numberWithin,
  object,
  oneOf,
  openObject,
  optional,
  optionalNumber,
  parse,
  serviceName,
  string,
  text,
  texts,
  whole,
} from './json-fields.ts';

/** @throws WireError naming the field that is missing, unknown or out of range. */
export function failoverPolicyFromJson(field: string, json: string): FailoverPolicy {
  return inField(field, () => failoverPolicy(openObject('', parse(json), POLICY_FIELDS)));
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

function tier(value: unknown): FailoverTier {
  const fields = openObject('', value, ['selector', 'maxShare', 'maxConcurrent']);
  return {
    selector: inField('selector', () => selector(fields.selector)),
    maxShare: optionalNumber(fields, 'maxShare', 0, 1),
    maxConcurrent: optionalNumber(fields, 'maxConcurrent', 0, MAX_COUNT),
  };
}

function selector(value: unknown): TierSelector {
  const fields = openObject('', value, ['kind', 'region', 'zone', 'clusters']);
  const kind = oneOf(fields, 'kind', ['same-zone', 'same-region', 'any', 'region', 'clusters']);
  if (kind === 'region') {
    const zone = optional(fields, 'zone', (found) => string('', found));
    return { kind, region: text(fields, 'region'), zone };
  }
  if (kind === 'clusters') return { kind, clusters: list(fields, 'clusters', BOUNDS.peers, weightedCluster) };
  return { kind };
}

function weightedCluster(value: unknown): WeightedCluster {
  const fields = openObject('', value, ['cluster', 'weight']);
  return {
    cluster: label('cluster', text(fields, 'cluster')),
    weight: number(fields, 'weight', 0, BOUNDS.weight),
  };
}

function failback(value: unknown): FailbackPolicy {
  const fields = openObject('', value, ['holdDownMs', 'minHealthyPercent', 'steps', 'intervalMs']);
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
  const fields = openObject('', value, [
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
  const fields = openObject('', value, [
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
  const fields = openObject('', value, ['kind', 'path', 'expectedStatus', 'service']);
  const kind = oneOf(fields, 'kind', ['http', 'grpc', 'tcp']);
  if (kind === 'tcp') return { kind };
  if (kind === 'grpc') return { kind, service: text(fields, 'service') };
  const expectedStatus = list(fields, 'expectedStatus', 600, (code) => numberWithin('', code, 100, 599));
  return { kind, path: text(fields, 'path'), expectedStatus };
}

const RULE_FIELDS = [
  'action',
  'mode',
  'callerProof',
  'principals',
  'namespaces',
  'serviceAccounts',
  'sourceClusters',
  'methods',
  'paths',
  'pathPrefixes',
  'origin',
];

function accessRule(value: unknown): AccessRule {
  const fields = object('', value, RULE_FIELDS);
  return {
    action: oneOf(fields, 'action', ['allow', 'deny']),
    // What an older version has kept on its disk knows no more than this.
    mode: fields.mode === undefined ? 'enforce' : oneOf(fields, 'mode', ['enforce', 'audit']),
    callerProof:
      fields.callerProof === undefined
        ? 'mutual-tls'
        : oneOf(fields, 'callerProof', ['mutual-tls', 'pod-address']),
    principals: texts(fields, 'principals'),
    namespaces: textsOrNone(fields, 'namespaces'),
    serviceAccounts: textsOrNone(fields, 'serviceAccounts'),
    sourceClusters: texts(fields, 'sourceClusters'),
    methods: texts(fields, 'methods'),
    paths: textsOrNone(fields, 'paths'),
    pathPrefixes: texts(fields, 'pathPrefixes'),
    origin: optional(fields, 'origin', ruleOrigin),
  };
}

function textsOrNone(fields: Fields, name: string): readonly string[] {
  return fields[name] === undefined ? [] : texts(fields, name);
}

function ruleOrigin(value: unknown): RuleOrigin {
  const fields = object('', value, ['policy', 'rule']);
  return { policy: text(fields, 'policy'), rule: whole(fields, 'rule', 0, BOUNDS.rulesPerService) };
}
