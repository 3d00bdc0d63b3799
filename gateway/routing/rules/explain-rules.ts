import { durationText } from '../../../federation/failover/sentences.ts';
import type { PathRewrite } from '../../../federation/model/mesh-route.ts';
import { normalisePath } from '../../pipeline/path.ts';
import type { Route } from '../route.ts';
import type { RouteTable } from '../route-table.ts';
import { backendRoute } from './backend-route.ts';
import type { CompiledFilters, CompiledMatch, CompiledRule, WeightedBackend } from './compiled-rule.ts';
import type { Comparable } from './request-match.ts';
import { redirectLocation, rewritePath } from './rewrite.ts';

const NO_NAME = 'Nobody exports it: only rules of other services lead to it, in this cluster.';

/** What a service's routes make of a request. */
export interface ExplainedRules {
  /** Which rule, and what it does, in sentences; none where the service has no routes. */
  readonly sentences: readonly string[];
  /** The service that most of such requests go to; undefined when they go nowhere. */
  readonly route: Route | undefined;
  /** As the backend sees it. */
  readonly path: string | undefined;
}

/**
 * As the stage `rules` decides; changes nothing, no turn is taken.
 * @param request undefined: it is not said which
 */
export function explainRules(
  table: RouteTable,
  route: Route,
  caller: string | undefined,
  request: Comparable | undefined,
): ExplainedRules {
  const set = route.rules;
  if (set === undefined) {
    return { sentences: route.backendOnly ? [NO_NAME] : [], route, path: request?.path };
  }
  if (request === undefined) {
    const names = [...new Set(set.routes.map((one) => `${one.kind} ${one.namespace}/${one.name}`))].join(
      ', ',
    );
    const sentence = `What a request goes by is up to ${names}: name one by --request 'METHOD /path'.`;
    return { sentences: [sentence], route, path: undefined };
  }
  const match = set.find(caller, request);
  if (match === 'no-rules') {
    return { sentences: ['Its routes are for callers of other namespaces.'], route, path: request.path };
  }
  if (match === 'none') return nowhere('No rule of its routes matches: 404.');
  return explainMatch(table, match, route, request);
}

function explainMatch(
  table: RouteTable,
  match: CompiledMatch,
  parent: Route,
  request: Comparable,
): ExplainedRules {
  const { rule } = match;
  const taken = `By ${rule.label}.`;
  const { broken } = rule.source;
  if (broken !== undefined) return nowhere(taken, `It is not supported, so the answer is 500: ${broken}.`);
  const backends = rule.backends?.items ?? [];
  const heaviest = backends.toSorted((a, b) => b.weight - a.weight)[0];
  const filters = [rule.filters, ...(heaviest === undefined ? [] : [heaviest.filters])];
  const path = rewritten(filters, match, request.path ?? '/');
  const redirect = filters.find((one) => one.redirect !== undefined)?.redirect;
  if (redirect !== undefined) {
    const location = redirectLocation(redirect, 'http', 'HOST', path ?? '');
    return {
      sentences: [taken, `The answer is ${redirect.statusCode}, to ${location}.`],
      route: parent,
      path: request.path,
    };
  }
  if (heaviest === undefined) return nowhere(taken, 'None of its backends has any weight: 500.');
  const sentences = [taken, ...backends.map((backend) => shareSentence(table, rule, backend))];
  if (path !== request.path) sentences.push(`Its path becomes ${path}.`);
  return {
    sentences: [
      ...sentences,
      ...timeSentences(rule),
      ...filters.flatMap(mirrorSentences),
      ...filters.flatMap(corsSentences),
    ],
    route: backendRoute(table, heaviest),
    path,
  };
}

function nowhere(...sentences: readonly string[]): ExplainedRules {
  return { sentences, route: undefined, path: undefined };
}

function rewritten(filters: readonly CompiledFilters[], match: CompiledMatch, path: string): string {
  let found = path;
  const apply = (rewrite: PathRewrite | undefined): void => {
    if (rewrite !== undefined) found = normalisePath(rewritePath(rewrite, match, found)) ?? found;
  };
  for (const { redirect, rewrite } of filters) apply((redirect ?? rewrite)?.path);
  return found;
}

function shareSentence(table: RouteTable, { backends }: CompiledRule, backend: WeightedBackend): string {
  const total = (backends?.items ?? []).reduce((sum, { weight }) => sum + weight, 0);
  const percent = Math.round((1000 * backend.weight) / total) / 10;
  const there = backendRoute(table, backend) === undefined ? ', which is not there: 500' : '';
  return `${percent} % goes to ${backend.name}${there}.`;
}

function timeSentences({ timeouts, retries }: CompiledRule): readonly string[] {
  const sentences: string[] = [];
  if (timeouts?.requestMs !== undefined) sentences.push(bound('A request', timeouts.requestMs));
  if (timeouts?.backendRequestMs !== undefined)
    sentences.push(bound('One attempt', timeouts.backendRequestMs));
  if (retries === 'none') sentences.push('It is not retried, by the rule.');
  else if (retries !== undefined)
    sentences.push(`It is retried up to ${retries.maxRetries} times, by the rule.`);
  return sentences;
}

function bound(subject: string, ms: number): string {
  return `${subject} may take ${ms === 0 ? 'any time' : durationText(ms)}, by the rule.`;
}

function corsSentences({ cors }: CompiledFilters): readonly string[] {
  if (cors === undefined) return [];
  const origins = cors.source.allowOrigins.join(', ') || 'no origin';
  return [`A browser's preflight is answered with 204; pages of ${origins} may read the answers.`];
}

function mirrorSentences({ mirrors }: CompiledFilters): readonly string[] {
  return mirrors.map(({ backend, numerator, denominator }) => {
    const percent = Math.round((1000 * numerator) / denominator) / 10;
    return `A copy of ${percent} % goes to ${backend.name}.`;
  });
}
