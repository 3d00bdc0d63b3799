import { z } from 'zod';
import { isDnsLabel } from '../../federation/model/cluster.ts';
import {
  type BackendRef,
  type HeaderChanges,
  type Mirror,
  NO_FILTERS,
  type PathRewrite,
  type Redirect,
  ROUTE_BOUNDS,
  type RouteFilters,
  type UrlRewrite,
} from '../../federation/model/mesh-route.ts';
import { corsFilter, toCors } from './cors-schema.ts';
import { dnsLabel, port } from './metadata.ts';
import type { RuleFaults } from './rule-faults.ts';

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}$/;
/** RFC 9110 section 5.5: visible characters, with blanks between them. */
const FIELD_VALUE = /^[!-~\x80-\xff](?:[ -~\x80-\xff]*[!-~\x80-\xff])?$/;
const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** What gateways and codecs make themselves: a route that changed it would forge an identity or break the framing. */
const OWN_FIELDS =
  /^(?:isthmus[-_].*|x[-_]forwarded[-_]client[-_]cert|host|connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|content-length|expect)$/;
const PATH = /^[!-~]{0,1024}$/;

export const fieldName = z.string().regex(TOKEN, 'is not the name of a header');

const field = z.looseObject({
  name: fieldName,
  value: z.string().min(1).max(4096).regex(FIELD_VALUE, 'is not the value of a header'),
});

const headerModifier = z.looseObject({
  set: z.array(field).max(ROUTE_BOUNDS.fields).optional(),
  add: z.array(field).max(ROUTE_BOUNDS.fields).optional(),
  remove: z.array(fieldName).max(ROUTE_BOUNDS.fields).optional(),
});

const pathModifier = z.looseObject({
  type: z.string(),
  replaceFullPath: z.string().max(1024).optional(),
  replacePrefixMatch: z.string().max(1024).optional(),
});

const hostname = z.string().regex(HOSTNAME, 'is not a host name');

const redirect = z.looseObject({
  scheme: z.string().optional(),
  hostname: hostname.optional(),
  path: pathModifier.optional(),
  port: port.optional(),
  statusCode: z.int().default(302),
});

const rewrite = z.looseObject({ hostname: hostname.optional(), path: pathModifier.optional() });

const KIND = /^[a-zA-Z][-a-zA-Z0-9]{0,62}$/;
const GROUP = /^[-a-z0-9.]{0,253}$/;

/** A BackendObjectReference. */
export const backendRefShape = {
  group: z.string().regex(GROUP, 'is not an API group').default(''),
  kind: z.string().regex(KIND, 'is not a kind').default('Service'),
  name: z.string().min(1).max(253),
  namespace: dnsLabel.optional(),
  port: port.optional(),
};

const mirror = z
  .looseObject({
    backendRef: z.looseObject(backendRefShape),
    percent: z.int().min(0).max(100).optional(),
    fraction: z
      .looseObject({ numerator: z.int().min(0), denominator: z.int().min(1).default(100) })
      .refine(({ numerator, denominator }) => numerator <= denominator, 'is more than all requests')
      .optional(),
  })
  .refine(({ percent, fraction }) => percent === undefined || fraction === undefined, {
    message: 'has both percent and fraction',
  });

const filter = z.looseObject({
  type: z.string(),
  requestHeaderModifier: headerModifier.optional(),
  responseHeaderModifier: headerModifier.optional(),
  requestRedirect: redirect.optional(),
  urlRewrite: rewrite.optional(),
  requestMirror: mirror.optional(),
  cors: corsFilter.optional(),
});

export const filters = z.array(filter).max(16, 'has more than 16 filters');

type Filter = z.infer<typeof filter>;

/** The part of a filter that belongs to its type. */
const PART_OF = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  RequestMirror: 'requestMirror',
  CORS: 'cors',
} as const;

export type FilterType = keyof typeof PART_OF;

const HTTP_FILTERS = Object.keys(PART_OF) as FilterType[];

/** Where the filters stand. */
export interface FilterPlace {
  readonly namespace: string;
  /** Those that the kind of route has; all of HTTPRoute's where it is not said. */
  readonly types?: readonly FilterType[];
  /** The rule has exactly one match of the type PathPrefix, so that its prefix can be replaced. */
  readonly onePrefix: boolean;
}

/** What is not supported, or contradicts itself, is told to `faults`: the rule cannot hold then. */
export function toFilters(given: readonly Filter[], place: FilterPlace, faults: RuleFaults): RouteFilters {
  let found: RouteFilters = NO_FILTERS;
  const seen = new Set<string>();
  for (const [index, one] of given.entries()) {
    const where = `filters[${index}]`;
    const types: readonly string[] = place.types ?? HTTP_FILTERS;
    if (!types.includes(one.type)) {
      faults.add(`${where}: type ${JSON.stringify(one.type)} is not supported`);
      continue;
    }
    const type = one.type as FilterType;
    if (type !== 'RequestMirror' && seen.has(type)) faults.add(`${where}: ${type} is there twice`);
    seen.add(type);
    faults.only(one, ['type', PART_OF[type]], where);
    found = { ...found, ...toFilter(type, one, place, faults.within(where)) };
    if (type === 'RequestMirror')
      found = { ...found, mirrors: [...found.mirrors, ...toMirror(one, place, faults)] };
  }
  if (found.redirect !== undefined && found.rewrite !== undefined) {
    faults.add('filters: RequestRedirect and URLRewrite exclude each other');
  }
  return found;
}

function toFilter(
  type: FilterType,
  given: Filter,
  place: FilterPlace,
  faults: RuleFaults,
): Partial<RouteFilters> {
  const { requestHeaderModifier, responseHeaderModifier, requestRedirect, urlRewrite, requestMirror, cors } =
    given;
  if (type === 'RequestHeaderModifier' && requestHeaderModifier !== undefined) {
    return { requestHeaders: toHeaderChanges(requestHeaderModifier, faults) };
  }
  if (type === 'ResponseHeaderModifier' && responseHeaderModifier !== undefined) {
    return { responseHeaders: toHeaderChanges(responseHeaderModifier, faults) };
  }
  if (type === 'RequestRedirect' && requestRedirect !== undefined) {
    return { redirect: toRedirect(requestRedirect, place, faults) };
  }
  if (type === 'URLRewrite' && urlRewrite !== undefined) {
    return { rewrite: toRewrite(urlRewrite, place, faults) };
  }
  if (type === 'CORS' && cors !== undefined) return { cors: toCors(cors, faults) };
  if (type !== 'RequestMirror' || requestMirror === undefined) faults.add(`${PART_OF[type]} is missing`);
  return {};
}

function toHeaderChanges(given: z.infer<typeof headerModifier>, faults: RuleFaults): HeaderChanges {
  faults.only(given, ['set', 'add', 'remove'], '');
  const fields = (some: readonly z.infer<typeof field>[] = []) =>
    some.map(({ name, value, ...rest }) => {
      faults.only(rest, [], `header ${name}`);
      return { name: name.toLowerCase(), value };
    });
  const changes = {
    set: fields(given.set),
    add: fields(given.add),
    remove: (given.remove ?? []).map((name) => name.toLowerCase()),
  };
  for (const name of [...changes.set, ...changes.add].map((one) => one.name).concat(changes.remove)) {
    if (OWN_FIELDS.test(name)) faults.add(`header ${name} is the gateway's own and cannot be changed`);
  }
  return changes;
}

function toRedirect(given: z.infer<typeof redirect>, place: FilterPlace, faults: RuleFaults): Redirect {
  faults.only(given, ['scheme', 'hostname', 'path', 'port', 'statusCode'], '');
  const { scheme, statusCode } = given;
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    faults.add(`scheme ${JSON.stringify(scheme)} is not supported`);
  }
  if (![301, 302, 303, 307, 308].includes(statusCode))
    faults.add(`statusCode ${statusCode} is not supported`);
  return {
    scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
    hostname: given.hostname,
    path: toPathRewrite(given.path, place, faults),
    port: given.port,
    statusCode,
  };
}

function toRewrite(given: z.infer<typeof rewrite>, place: FilterPlace, faults: RuleFaults): UrlRewrite {
  faults.only(given, ['hostname', 'path'], '');
  return { hostname: given.hostname, path: toPathRewrite(given.path, place, faults) };
}

function toPathRewrite(
  given: z.infer<typeof pathModifier> | undefined,
  place: FilterPlace,
  faults: RuleFaults,
): PathRewrite | undefined {
  if (given === undefined) return undefined;
  const { type } = given;
  if (type !== 'ReplaceFullPath' && type !== 'ReplacePrefixMatch') {
    faults.add(`path type ${JSON.stringify(type)} is not supported`);
    return undefined;
  }
  const [kind, part] =
    type === 'ReplaceFullPath'
      ? (['full', 'replaceFullPath'] as const)
      : (['prefix', 'replacePrefixMatch'] as const);
  faults.only(given, ['type', part], 'path');
  const value = given[part];
  if (value === undefined) faults.add(`path has no ${part}`);
  else if (!PATH.test(value) || /[?#\\]/.test(value)) faults.add(`${part} is not a path`);
  if (kind === 'prefix' && !place.onePrefix) {
    faults.add('replacePrefixMatch needs a rule with exactly one match, of the type PathPrefix');
  }
  return { kind, value: value ?? '' };
}

function toMirror(given: Filter, place: FilterPlace, faults: RuleFaults): readonly Mirror[] {
  const { requestMirror } = given;
  if (requestMirror === undefined) return [];
  const { backendRef, percent, fraction } = requestMirror;
  faults.only(requestMirror, ['backendRef', 'percent', 'fraction'], 'requestMirror');
  faults.only(backendRef, Object.keys(backendRefShape), 'requestMirror.backendRef');
  const { numerator, denominator } = fraction ?? { numerator: percent ?? 100, denominator: 100 };
  if (denominator > ROUTE_BOUNDS.denominator) {
    faults.add(`requestMirror.fraction: ${denominator} is more than ${ROUTE_BOUNDS.denominator}`);
  }
  return [{ backend: toBackendRef(backendRef, place.namespace, faults), numerator, denominator }];
}

const GROUPS: Readonly<Record<string, string>> = { Service: '', ServiceImport: 'multicluster.x-k8s.io' };

/** One of a kind that is no service is kept, with its fault: requests that would go there fail. */
export function toBackendRef(
  given: z.infer<z.ZodObject<typeof backendRefShape>>,
  routeNamespace: string,
  faults: RuleFaults,
): BackendRef {
  const { group, kind, name, namespace = routeNamespace } = given;
  const known = Object.hasOwn(GROUPS, kind) && GROUPS[kind] === group;
  if (known && given.port === undefined) faults.add(`backend ${namespace}/${name}: has no port`);
  const named = isDnsLabel(name);
  if (known && !named) faults.add(`backend ${namespace}/${name}: is not the name of a service`);
  return {
    kind: known || group === '' ? kind : `${group}/${kind}`,
    service: { namespace, name: named ? name : 'unnamed' },
    port: given.port ?? 1,
    fault: known ? undefined : 'InvalidKind',
  };
}
