import { z } from 'zod';
import {
  type MeshRoute,
  type PathMatch,
  ROUTE_BOUNDS,
  type RouteMatch,
  type RouteRetry,
} from '../../federation/model/mesh-route.ts';
import { patternFault } from '../../federation/model/pattern/pattern.ts';
import { duration } from './duration.ts';
import { versionedMetadata } from './metadata.ts';
import { filters, toFilters } from './route-filters-schema.ts';
import {
  backendRefs,
  comparedText,
  namedMatch,
  parentRefs,
  type ReadRule,
  ruleName,
  toBackends,
  toMeshRoute,
  toNamedMatches,
} from './route-schema.ts';
import type { RuleFaults } from './rule-faults.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
const PATH_VALUE = /^\/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$/;
/** The API server refuses these, for a gateway could read them in more than one way. */
const UNCLEAR = /\/\/|\/\.{1,2}(?:\/|$)|%2f/i;
const EVERYTHING = [{ path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] }];

const path = z
  .looseObject({ type: z.string().default('PathPrefix'), value: comparedText.max(1024).default('/') })
  .refine(
    ({ type, value }) =>
      (type !== 'Exact' && type !== 'PathPrefix') || (PATH_VALUE.test(value) && !UNCLEAR.test(value)),
    'is not a path that begins with /, without //, /./, /../, %2F and #',
  );

const match = z.looseObject({
  path: path.default({ type: 'PathPrefix', value: '/' }),
  headers: z.array(namedMatch).max(ROUTE_BOUNDS.named).default([]),
  queryParams: z.array(namedMatch).max(ROUTE_BOUNDS.named).default([]),
  method: z.string().max(20).optional(),
});

const rule = z.looseObject({
  name: ruleName,
  matches: z.array(match).max(ROUTE_BOUNDS.matches, 'has more than 64 matches').default(EVERYTHING),
  filters: filters.default([]),
  backendRefs,
  timeouts: z
    .looseObject({ request: duration.optional(), backendRequest: duration.optional() })
    .refine(
      ({ request = 0, backendRequest = 0 }) => request === 0 || backendRequest <= request,
      'backendRequest is longer than request',
    )
    .optional(),
  retry: z
    .looseObject({
      attempts: z.int().min(0).default(1),
      backoff: duration.optional(),
      codes: z.array(z.int().min(400).max(599)).max(ROUTE_BOUNDS.retryStatuses).default([]),
    })
    .optional(),
});

/** `gateway.networking.k8s.io/v1` HTTPRoute. Fields that are not known are kept, and make their rule one that fails. */
export const httpRouteSchema = z.object({
  kind: z.literal('HTTPRoute'),
  metadata: versionedMetadata,
  spec: z.looseObject({
    parentRefs,
    rules: z
      .array(rule)
      .max(ROUTE_BOUNDS.rules, 'has more than 16 rules')
      .default([{ matches: EVERYTHING, filters: [], backendRefs: [] }]),
  }),
});

export type HttpRouteObject = z.infer<typeof httpRouteSchema>;

type Rule = z.infer<typeof rule>;

/** `hostnames` mean nothing for a service (GEP-1426), and `useDefaultGateways` speaks of Gateways. */
const SPEC_FIELDS = ['parentRefs', 'rules', 'hostnames', 'useDefaultGateways'];

/** @param elseCreatedAtMs for an object that does not say when it was created, Unix ms */
export function toHttpRoute(object: HttpRouteObject, elseCreatedAtMs: number): MeshRoute {
  const { namespace } = object.metadata;
  const read = (given: Rule, index: number, matchFaults: RuleFaults, faults: RuleFaults): ReadRule => {
    const place = { namespace, onePrefix: isOnePrefix(given) };
    faults.only(given, Object.keys(rule.shape), '');
    const { request, backendRequest } = given.timeouts ?? {};
    faults.only(given.timeouts ?? {}, ['request', 'backendRequest'], 'timeouts');
    faults.notTooLong(request, 'timeouts.request');
    faults.notTooLong(backendRequest, 'timeouts.backendRequest');
    const found = toFilters(given.filters, place, faults);
    const backends = toBackends(given.backendRefs, place, faults);
    if (found.redirect !== undefined && backends.length > 0) {
      faults.add('RequestRedirect and backendRefs exclude each other');
    }
    return {
      index,
      name: given.name,
      matches: given.matches.map((one, at) => toMatch(one, matchFaults.within(`matches[${at}]`))),
      filters: found,
      backends,
      requestTimeoutMs: request,
      backendRequestTimeoutMs: backendRequest,
      retry: given.retry === undefined ? undefined : toRetry(given.retry, faults),
    };
  };
  return toMeshRoute(object, SPEC_FIELDS, read, elseCreatedAtMs);
}

function isOnePrefix({ matches }: Rule): boolean {
  return matches.length === 1 && matches[0]?.path.type === 'PathPrefix';
}

function toMatch(given: z.infer<typeof match>, faults: RuleFaults): RouteMatch {
  faults.only(given, Object.keys(match.shape), '');
  const { method } = given;
  if (method !== undefined && !METHODS.includes(method)) {
    faults.add(`method ${JSON.stringify(method)} is not supported`);
  }
  return {
    path: toPath(given.path, faults),
    rpc: undefined,
    method,
    headers: toNamedMatches(given.headers, true, faults),
    queryParams: toNamedMatches(given.queryParams, false, faults),
  };
}

function toPath(given: z.infer<typeof path>, faults: RuleFaults): PathMatch {
  const { type, value } = given;
  faults.only(given, ['type', 'value'], 'path');
  if (type === 'Exact') return { kind: 'exact', value };
  if (type === 'RegularExpression') {
    const fault = patternFault(value);
    if (fault !== undefined) faults.add(`path: the regular expression ${fault}`);
    return { kind: 'pattern', value };
  }
  if (type !== 'PathPrefix') faults.add(`path: type ${JSON.stringify(type)} is not supported`);
  return { kind: 'prefix', value };
}

function toRetry(given: NonNullable<Rule['retry']>, faults: RuleFaults): RouteRetry {
  faults.only(given, ['attempts', 'backoff', 'codes'], 'retry');
  if (given.attempts > ROUTE_BOUNDS.retryAttempts) {
    faults.add(`retry: ${given.attempts} attempts are more than ${ROUTE_BOUNDS.retryAttempts}`);
  }
  faults.notTooLong(given.backoff, 'retry.backoff');
  return { attempts: given.attempts, backoffMs: given.backoff, statuses: [...new Set(given.codes)] };
}
