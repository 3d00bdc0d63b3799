import {
  type BackendRef,
  type HeaderChanges,
  type HeaderField,
  type Mirror,
  type NamedMatch,
  type PathMatch,
  type PathRewrite,
  type Redirect,
  ROUTE_BOUNDS,
  type RouteBackend,
  type RouteFilters,
  type RouteMatch,
  type RouteRetry,
  type RouteRule,
  type RpcMatch,
  type ServiceRoute,
  type TextMatch,
  type UrlRewrite,
} from '../model/mesh-route.ts';
import { patternFault } from '../model/pattern/pattern.ts';
import { corsFromJson } from './cors-json.ts';
import { inField, label, listOf, WireError } from './field-checks.ts';
import {
  array,
  boolean,
  type Fields,
  list,
  MAX_MS,
  object,
  oneOf,
  optional,
  optionalNumber,
  parse,
  serviceName,
  string,
  text,
  whole,
} from './json-fields.ts';

/** @throws WireError naming the field that is missing, unknown or out of range. */
export function serviceRoutesFromJson(field: string, json: string): readonly ServiceRoute[] {
  return inField(field, () => {
    const items = array('', parse(json, ROUTE_BOUNDS.jsonLength));
    const routes = listOf('', items, ROUTE_BOUNDS.routesPerService, serviceRoute);
    const matches = routes.flatMap((route) => route.rules).reduce((sum, one) => sum + one.matches.length, 0);
    if (matches > ROUTE_BOUNDS.matchesPerService) throw new WireError(`: ${matches} matches are too many`);
    return routes;
  });
}

function serviceRoute(value: unknown): ServiceRoute {
  const fields = object('', value, ['kind', 'namespace', 'name', 'port', 'sectionName', 'consumer', 'rules']);
  return {
    kind: oneOf(fields, 'kind', ['HTTPRoute', 'GRPCRoute']),
    namespace: label('namespace', text(fields, 'namespace')),
    name: text(fields, 'name'),
    port: optionalPort(fields),
    sectionName: optionalText(fields, 'sectionName'),
    consumer: boolean(fields, 'consumer'),
    rules: list(fields, 'rules', ROUTE_BOUNDS.rules, rule),
  };
}

const RULE_FIELDS = [
  'index',
  'name',
  'matches',
  'filters',
  'backends',
  'requestTimeoutMs',
  'backendRequestTimeoutMs',
  'retry',
  'broken',
];

function rule(value: unknown): RouteRule {
  const fields = object('', value, RULE_FIELDS);
  return {
    index: whole(fields, 'index', 0, ROUTE_BOUNDS.rules),
    name: optionalText(fields, 'name'),
    matches: list(fields, 'matches', ROUTE_BOUNDS.matches, match),
    filters: inField('filters', () => filters(fields.filters)),
    backends: list(fields, 'backends', ROUTE_BOUNDS.backends, backend),
    requestTimeoutMs: optionalNumber(fields, 'requestTimeoutMs', 0, MAX_MS),
    backendRequestTimeoutMs: optionalNumber(fields, 'backendRequestTimeoutMs', 0, MAX_MS),
    retry: optional(fields, 'retry', retry),
    broken: optionalText(fields, 'broken'),
  };
}

function match(value: unknown): RouteMatch {
  const fields = object('', value, ['path', 'rpc', 'method', 'headers', 'queryParams']);
  return {
    path: optional(fields, 'path', pathMatch),
    rpc: optional(fields, 'rpc', rpcMatch),
    method: optionalText(fields, 'method'),
    headers: list(fields, 'headers', ROUTE_BOUNDS.named, namedMatch),
    queryParams: list(fields, 'queryParams', ROUTE_BOUNDS.named, namedMatch),
  };
}

function pathMatch(value: unknown): PathMatch {
  const fields = object('', value, ['kind', 'value']);
  const kind = oneOf(fields, 'kind', ['exact', 'prefix', 'pattern']);
  return { kind, value: kind === 'pattern' ? pattern(fields) : text(fields, 'value') };
}

function rpcMatch(value: unknown): RpcMatch {
  const fields = object('', value, ['service', 'method']);
  return {
    service: optional(fields, 'service', textMatch),
    method: optional(fields, 'method', textMatch),
  };
}

function textMatch(value: unknown): TextMatch {
  return compared(object('', value, ['kind', 'value']));
}

function namedMatch(value: unknown): NamedMatch {
  const fields = object('', value, ['name', 'kind', 'value']);
  return { name: text(fields, 'name'), ...compared(fields) };
}

function compared(fields: Fields): TextMatch {
  const kind = oneOf(fields, 'kind', ['exact', 'pattern']);
  return { kind, value: kind === 'pattern' ? pattern(fields) : text(fields, 'value') };
}

function pattern(fields: Fields): string {
  const source = text(fields, 'value');
  const fault = patternFault(source);
  if (fault !== undefined) throw new WireError(`value: the regular expression ${fault}`);
  return source;
}

function filters(value: unknown): RouteFilters {
  const known = ['requestHeaders', 'responseHeaders', 'redirect', 'rewrite', 'cors', 'mirrors'];
  const fields = object('', value, known);
  return {
    requestHeaders: optional(fields, 'requestHeaders', headerChanges),
    responseHeaders: optional(fields, 'responseHeaders', headerChanges),
    redirect: optional(fields, 'redirect', redirect),
    rewrite: optional(fields, 'rewrite', rewrite),
    cors: optional(fields, 'cors', corsFromJson),
    mirrors: list(fields, 'mirrors', ROUTE_BOUNDS.mirrors, mirror),
  };
}

function headerChanges(value: unknown): HeaderChanges {
  const fields = object('', value, ['set', 'add', 'remove']);
  return {
    set: list(fields, 'set', ROUTE_BOUNDS.fields, headerField),
    add: list(fields, 'add', ROUTE_BOUNDS.fields, headerField),
    remove: list(fields, 'remove', ROUTE_BOUNDS.fields, (name) => string('', name)),
  };
}

function headerField(value: unknown): HeaderField {
  const fields = object('', value, ['name', 'value']);
  return { name: text(fields, 'name'), value: text(fields, 'value') };
}

const SCHEMES = ['http', 'https'] as const;
const FAULTS = ['InvalidKind', 'RefNotPermitted'] as const;

function redirect(value: unknown): Redirect {
  const fields = object('', value, ['scheme', 'hostname', 'path', 'port', 'statusCode']);
  return {
    scheme: fields.scheme === undefined ? undefined : oneOf<'http' | 'https'>(fields, 'scheme', SCHEMES),
    hostname: optionalText(fields, 'hostname'),
    path: optional(fields, 'path', pathRewrite),
    port: optionalPort(fields),
    statusCode: whole(fields, 'statusCode', 300, 399),
  };
}

function rewrite(value: unknown): UrlRewrite {
  const fields = object('', value, ['hostname', 'path']);
  return { hostname: optionalText(fields, 'hostname'), path: optional(fields, 'path', pathRewrite) };
}

function pathRewrite(value: unknown): PathRewrite {
  const fields = object('', value, ['kind', 'value']);
  return { kind: oneOf(fields, 'kind', ['full', 'prefix']), value: text(fields, 'value') };
}

function mirror(value: unknown): Mirror {
  const fields = object('', value, ['backend', 'numerator', 'denominator']);
  const denominator = whole(fields, 'denominator', 1, ROUTE_BOUNDS.denominator);
  return {
    backend: inField('backend', () => backendRef(fields.backend)),
    numerator: whole(fields, 'numerator', 0, denominator),
    denominator,
  };
}

function backend(value: unknown): RouteBackend {
  const fields = object('', value, ['ref', 'weight', 'filters']);
  return {
    ref: inField('ref', () => backendRef(fields.ref)),
    weight: whole(fields, 'weight', 0, ROUTE_BOUNDS.weight),
    filters: inField('filters', () => filters(fields.filters)),
  };
}

function backendRef(value: unknown): BackendRef {
  const fields = object('', value, ['kind', 'service', 'port', 'fault']);
  return {
    kind: text(fields, 'kind'),
    service: inField('service', () => serviceName(fields.service)),
    port: whole(fields, 'port', 1, 65_535),
    fault: fields.fault === undefined ? undefined : oneOf<(typeof FAULTS)[number]>(fields, 'fault', FAULTS),
  };
}

function retry(value: unknown): RouteRetry {
  const fields = object('', value, ['attempts', 'backoffMs', 'statuses']);
  return {
    attempts: whole(fields, 'attempts', 0, ROUTE_BOUNDS.retryAttempts),
    backoffMs: optionalNumber(fields, 'backoffMs', 0, MAX_MS),
    statuses: list(fields, 'statuses', ROUTE_BOUNDS.retryStatuses, (code) =>
      whole({ code }, 'code', 400, 599),
    ),
  };
}

function optionalText(fields: Fields, name: string): string | undefined {
  return optional(fields, name, (value) => string('', value));
}

function optionalPort(fields: Fields): number | undefined {
  return fields.port === undefined ? undefined : whole(fields, 'port', 1, 65_535);
}
