import type {
  BackendRef,
  NamedMatch,
  PathMatch,
  RouteFilters,
  RouteKind,
  RouteMatch,
  RouteRetry,
  RouteRule,
  ServiceRoute,
  TextMatch,
} from '../../../federation/model/mesh-route.ts';
import { Pattern } from '../../../federation/model/pattern/pattern.ts';
import { DEFAULT_RETRIES } from '../../../federation/model/request-policy.ts';
import { backendKey, serviceKey } from '../../../federation/model/service.ts';
import { normalisePath } from '../../pipeline/path.ts';
import { type RetryPlan, retryPlan } from '../retry-plan.ts';
import { Rotating } from '../rotating.ts';
import { compileCors } from './compiled-cors.ts';
import type {
  CompiledBackend,
  CompiledFilters,
  CompiledMatch,
  CompiledNamed,
  CompiledPath,
  CompiledRule,
  CompiledText,
  WeightedBackend,
} from './compiled-rule.ts';

/** How much longer than the first the longest time between two attempts may be. */
const BACKOFF_GROWTH = 10;

/** @param workers how many share the pod's budget of retries */
export function compileRule(route: ServiceRoute, rule: RouteRule, workers: number): CompiledRule {
  const { requestTimeoutMs: requestMs, backendRequestTimeoutMs: backendRequestMs } = rule;
  const backends = rule.backends.map(
    ({ ref, weight, filters }): WeightedBackend => ({
      ...compileBackend(ref, route.kind),
      weight,
      filters: compileFilters(filters, route.kind),
    }),
  );
  const weighted = backends.filter(({ weight }) => weight > 0);
  const name = rule.name === undefined ? '' : ` (${rule.name})`;
  return {
    // No name has a `#`.
    key: `${route.kind}/${route.namespace}/${route.name}/${rule.name ?? `#${rule.index}`}`,
    label: `${route.kind} ${route.namespace}/${route.name} rules[${rule.index}]${name}`,
    source: rule,
    filters: compileFilters(rule.filters, route.kind),
    backends:
      weighted.length === 0
        ? undefined
        : new Rotating(
            weighted,
            weighted.map(({ weight }) => weight),
            weighted.map((backend) => backend.name),
          ),
    timeouts:
      requestMs === undefined && backendRequestMs === undefined ? undefined : { requestMs, backendRequestMs },
    retries: rule.retry === undefined ? undefined : compileRetry(rule.retry, workers),
  };
}

export function compileMatch(match: RouteMatch, rule: CompiledRule): CompiledMatch {
  const { path, rpc, method, headers, queryParams } = match;
  return {
    path: path === undefined ? undefined : compilePath(path),
    rpc:
      rpc === undefined
        ? undefined
        : { service: rpc.service && compileText(rpc.service), method: rpc.method && compileText(rpc.method) },
    method,
    // HTTP/2's name for it, and so that of every block.
    headers: headers.map((one) => compileNamed(one.name === 'host' ? { ...one, name: ':authority' } : one)),
    queryParams: queryParams.map(compileNamed),
    rule,
  };
}

function compilePath({ kind, value }: PathMatch): CompiledPath {
  if (kind === 'pattern') return { kind, exact: '', pattern: new Pattern(value) };
  const normal = normalisePath(value) ?? value;
  const exact = kind === 'prefix' && normal.endsWith('/') ? normal.slice(0, -1) : normal;
  return { kind, exact, pattern: undefined };
}

function compileText({ kind, value }: TextMatch): CompiledText {
  return { exact: value, pattern: kind === 'pattern' ? new Pattern(value) : undefined };
}

function compileNamed(match: NamedMatch): CompiledNamed {
  return { name: match.name, ...compileText(match) };
}

function compileFilters(filters: RouteFilters, kind: RouteKind): CompiledFilters {
  const mirrors = filters.mirrors.map(({ backend, numerator, denominator }) => ({
    backend: compileBackend(backend, kind),
    numerator,
    denominator,
  }));
  return { ...filters, cors: filters.cors && compileCors(filters.cors), mirrors };
}

function compileBackend({ kind, service, port, fault }: BackendRef, routeKind: RouteKind): CompiledBackend {
  const key = serviceKey(service);
  const name = `${kind} ${key}:${port}`;
  const isRpc = routeKind === 'GRPCRoute';
  if (fault !== undefined) return { service: undefined, own: undefined, port, isRpc, name };
  return { service: key, own: kind === 'Service' ? backendKey(key) : undefined, port, isRpc, name };
}

/** GEP-1731: the statuses that are named, and connections that fail or are lost. */
function compileRetry({ attempts, backoffMs, statuses }: RouteRetry, workers: number): RetryPlan | 'none' {
  if (attempts === 0) return 'none';
  const backoff =
    backoffMs === undefined
      ? DEFAULT_RETRIES.backoff
      : { baseMs: backoffMs, maxMs: backoffMs * BACKOFF_GROWTH };
  const on = ['connect-failure', 'reset', 'retriable-status-codes'] as const;
  return retryPlan({ ...DEFAULT_RETRIES, attempts, on, statusCodes: statuses, backoff }, workers);
}
