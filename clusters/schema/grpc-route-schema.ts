import { z } from 'zod';
import {
  type MeshRoute,
  ROUTE_BOUNDS,
  type RouteMatch,
  type RpcMatch,
} from '../../federation/model/mesh-route.ts';
import { versionedMetadata } from './metadata.ts';
import { type FilterType, filters, toFilters } from './route-filters-schema.ts';
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
  toTextMatch,
} from './route-schema.ts';
import type { RuleFaults } from './rule-faults.ts';

const SERVICE = /^\.?[a-z_][a-z_0-9]*(?:\.[a-z_][a-z_0-9]*)*$/i;
const METHOD = /^[a-z_][a-z_0-9]*$/i;
const FILTERS: readonly FilterType[] = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror'];

const method = z
  .looseObject({
    type: z.string().default('Exact'),
    service: comparedText.max(1024).optional(),
    method: comparedText.max(1024).optional(),
  })
  .refine(
    ({ service, method: name }) => (service ?? '') !== '' || (name ?? '') !== '',
    'names neither a service nor a method',
  )
  .refine(
    ({ type, service, method: name }) =>
      type !== 'Exact' || (SERVICE.test(service || '_') && METHOD.test(name || '_')),
    'has a service or method that cannot be the name of one',
  );

const match = z.looseObject({
  method: method.optional(),
  headers: z.array(namedMatch).max(ROUTE_BOUNDS.named).default([]),
});

const rule = z.looseObject({
  name: ruleName,
  matches: z.array(match).max(ROUTE_BOUNDS.matches, 'has more than 64 matches').default([]),
  filters: filters.default([]),
  backendRefs,
});

/** `gateway.networking.k8s.io/v1` GRPCRoute. Fields that are not known are kept, and make their rule one that fails. */
export const grpcRouteSchema = z.object({
  kind: z.literal('GRPCRoute'),
  metadata: versionedMetadata,
  spec: z.looseObject({
    parentRefs,
    rules: z.array(rule).max(ROUTE_BOUNDS.rules, 'has more than 16 rules').default([]),
  }),
});

export type GrpcRouteObject = z.infer<typeof grpcRouteSchema>;

type Rule = z.infer<typeof rule>;

const SPEC_FIELDS = ['parentRefs', 'rules', 'hostnames', 'useDefaultGateways'];
const EVERY_CALL: RouteMatch = {
  path: undefined,
  rpc: undefined,
  method: undefined,
  headers: [],
  queryParams: [],
};

/** @param elseCreatedAtMs for an object that does not say when it was created, Unix ms */
export function toGrpcRoute(object: GrpcRouteObject, elseCreatedAtMs: number): MeshRoute {
  const place = { namespace: object.metadata.namespace, types: FILTERS, onePrefix: false };
  const read = (given: Rule, index: number, matchFaults: RuleFaults, faults: RuleFaults): ReadRule => {
    faults.only(given, Object.keys(rule.shape), '');
    const matches = given.matches.map((one, at) => toMatch(one, matchFaults.within(`matches[${at}]`)));
    return {
      index,
      name: given.name,
      matches: matches.length === 0 ? [EVERY_CALL] : matches,
      filters: toFilters(given.filters, place, faults),
      backends: toBackends(given.backendRefs, place, faults),
      requestTimeoutMs: undefined,
      backendRequestTimeoutMs: undefined,
      retry: undefined,
    };
  };
  return toMeshRoute(object, SPEC_FIELDS, read, elseCreatedAtMs);
}

function toMatch(given: z.infer<typeof match>, faults: RuleFaults): RouteMatch {
  faults.only(given, Object.keys(match.shape), '');
  return {
    ...EVERY_CALL,
    rpc: given.method === undefined ? undefined : toRpc(given.method, faults),
    headers: toNamedMatches(given.headers, true, faults),
  };
}

function toRpc(given: z.infer<typeof method>, faults: RuleFaults): RpcMatch {
  faults.only(given, ['type', 'service', 'method'], 'method');
  const text = (value: string | undefined, where: string) =>
    value === undefined || value === '' ? undefined : toTextMatch(given.type, value, where, faults);
  return { service: text(given.service, 'method.service'), method: text(given.method, 'method.method') };
}
