import type { FailureCode } from '../../federation/model/errors.ts';
import type { Route } from '../routing/route.ts';
import { backendRoute } from '../routing/rules/backend-route.ts';
import type {
  CompiledFilters,
  CompiledMatch,
  CompiledMirror,
  CompiledRule,
} from '../routing/rules/compiled-rule.ts';
import { redirectLocation, rewritePath } from '../routing/rules/rewrite.ts';
import type { RouteMeters } from '../telemetry/route-meters.ts';
import { answerPreflight, corsChanges, isPreflight } from './cors.ts';
import { changeHeaders } from './header-changes.ts';
import { normalisePath } from './path.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';
import { settleFor } from './settle.ts';

/**
 * What the HTTPRoutes and GRPCRoutes of the service make of the request: another service, another path, other fields, a
 * redirect. Only at the gateway where the client comes in; what arrives on a trunk has been through it.
 */
export function rules(request: PipelineRequest, environment: PipelineEnvironment): FailureCode | undefined {
  const { route } = request;
  const set = route?.rules;
  if (route === undefined || set === undefined || request.context.origin === 'trunk') return undefined;
  // Which namespace's routes hold is no matter of trust: the address of a pod will do.
  const match = set.find(request.caller ?? request.callerByAddress, request);
  if (match === 'no-rules') {
    settleFor(request, route, environment);
    return undefined;
  }
  if (match === 'none') return 'noMatchingRule';
  const { rule } = match;
  request.rule = rule;
  if (rule.source.broken !== undefined) return 'brokenRule';
  if (answersItself(rule.filters, request)) {
    // Whether the caller may know of it is up to the service that it asked for.
    settleFor(request, route, environment);
    return applyFilters(request, environment, rule.filters, match);
  }
  return sendToBackend(request, environment, match, route);
}

/** A redirect, or a preflight of a browser: neither goes anywhere. */
function answersItself({ redirect, cors }: CompiledFilters, request: PipelineRequest): boolean {
  return redirect !== undefined || (cors !== undefined && isPreflight(request));
}

function sendToBackend(
  request: PipelineRequest,
  environment: PipelineEnvironment,
  match: CompiledMatch,
  parent: Route<RouteMeters>,
): FailureCode | undefined {
  const { rule } = match;
  const backend = rule.backends?.next();
  const found = backend === undefined ? undefined : backendRoute(environment.table, backend);
  if (backend === undefined || found === undefined) return 'noBackend';
  const failure =
    applyFilters(request, environment, rule.filters, match) ??
    applyFilters(request, environment, backend.filters, match);
  if (failure !== undefined) return failure;
  settleFor(request, request.ruleAnswer === undefined ? found : parent, environment);
  applyTimes(request, rule);
  return undefined;
}

/** What the rule says goes before what the backend's policy says. */
function applyTimes(request: PipelineRequest, { timeouts, retries }: CompiledRule): void {
  if (timeouts !== undefined) {
    const own = request.timeouts;
    request.timeouts = {
      requestMs: timeouts.requestMs ?? own?.requestMs,
      backendRequestMs: timeouts.backendRequestMs ?? own?.backendRequestMs,
      idleMs: own?.idleMs,
    };
  }
  if (retries !== undefined) request.retryPlan = retries === 'none' ? undefined : retries;
  else if (timeouts?.backendRequestMs !== undefined) {
    request.retryPlan = request.retryPlan?.withoutTryTimeout ?? request.retryPlan;
  }
}

function applyFilters(
  request: PipelineRequest,
  environment: PipelineEnvironment,
  filters: CompiledFilters,
  match: CompiledMatch,
): FailureCode | undefined {
  const { requestHeaders, responseHeaders, redirect, rewrite, cors, mirrors } = filters;
  if (cors !== undefined) {
    if (isPreflight(request)) {
      request.ruleAnswer = answerPreflight(request, cors);
      return undefined;
    }
    const changes = corsChanges(request, cors);
    if (changes !== undefined) request.responseChanges = [changes, ...(request.responseChanges ?? [])];
  }
  if (requestHeaders !== undefined) {
    changeHeaders(request.block, requestHeaders);
    const id = requestHeaders.set.find(({ name }) => name === 'x-request-id');
    if (id !== undefined) request.requestId = id.value;
  }
  // What is nearer to the backend changes its response first.
  if (responseHeaders !== undefined)
    request.responseChanges = [responseHeaders, ...(request.responseChanges ?? [])];
  if (redirect !== undefined) return redirectTo(request, redirect, match);
  if (rewrite?.hostname !== undefined) setPseudoField(request, ':authority', rewrite.hostname);
  if (rewrite?.path !== undefined) {
    const path = normalisePath(rewritePath(rewrite.path, match, request.path ?? ''));
    if (path === undefined) return 'badRequest';
    request.path = path;
    setPseudoField(request, ':path', path);
  }
  for (const mirror of mirrors) {
    if (isDue(mirror, environment)) request.mirrors = [...(request.mirrors ?? []), mirror.backend];
  }
  return undefined;
}

function redirectTo(
  request: PipelineRequest,
  redirect: NonNullable<CompiledFilters['redirect']>,
  match: CompiledMatch,
): FailureCode | undefined {
  const { path = '/', authority = '', context } = request;
  const moved = redirect.path === undefined ? path : normalisePath(rewritePath(redirect.path, match, path));
  if (moved === undefined || (authority === '' && redirect.hostname === undefined)) return 'badRequest';
  const scheme = context.caller === undefined ? 'http' : 'https';
  const location = redirectLocation(redirect, scheme, authority, moved);
  request.ruleAnswer = { status: redirect.statusCode, fields: ['location', location, 'content-length', '0'] };
  return undefined;
}

function isDue({ numerator, denominator }: CompiledMirror, { random }: PipelineEnvironment): boolean {
  return numerator >= denominator || random() * denominator < numerator;
}

/** `request.authority` stays what the client asked for. */
function setPseudoField({ block }: PipelineRequest, name: string, value: string): void {
  for (let i = 0; i < block.length && (block[i] as string).startsWith(':'); i += 2) {
    if (block[i] !== name) continue;
    block[i + 1] = value;
    return;
  }
  block.unshift(name, value);
}
