import { nearestWord } from '../../federation/config/nearest-word.ts';
import type { BalancingExplanation } from '../../federation/failover/balancing-explanation.ts';
import type { RouteExplanation } from '../../federation/failover/explanation.ts';
import type { Locality } from '../../federation/model/cluster.ts';
import type { RuleOrigin } from '../../federation/model/policy.ts';
import { backendKey, namedKey } from '../../federation/model/service.ts';
import { normalisePath } from '../pipeline/path.ts';
import type { AccessDecision, CompiledAccess } from './access.ts';
import { parseAuthority } from './authority.ts';
import { explainBalancing } from './explain-balancing.ts';
import { explainRoute } from './explain-route.ts';
import { handlingText } from './handling-text.ts';
import type { Route } from './route.ts';
import type { RouteTable } from './route-table.ts';
import { explainRules } from './rules/explain-rules.ts';
import type { Comparable } from './rules/request-match.ts';
import { upstreamText } from './upstream-text.ts';

/** What the admin endpoint's `/why` answers, as JSON. */
export type WhyAnswer =
  | {
      readonly status: 200;
      readonly body: {
        readonly route: RouteExplanation;
        readonly balancing: BalancingExplanation;
        readonly access: WhyAccess | null;
        /** How this cluster's own pods are spoken to; null where it has none. */
        readonly upstream: string | null;
        /** Which rule of the service's routes the request goes by, and what it does, in sentences. */
        readonly rules: readonly string[];
        /** What is asked of each request beside its destination, in sentences. */
        readonly handling: readonly string[];
      };
    }
  | { readonly status: 400 | 404; readonly body: WhyProblem };

export interface WhyProblem {
  readonly error: string;
  readonly hint: string;
}

/** Whether a request that was asked for would be let in. */
export interface WhyAccess {
  readonly allowed: boolean;
  readonly reason: string;
}

type Reading<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'problem'; readonly answer: WhyAnswer };

const LOCALITY = /^[A-Za-z0-9._-]{1,63}\/[A-Za-z0-9._-]{1,63}$/;
const REQUEST = /^([A-Z]{1,32}) (\/\S*)$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}):[ \t]*(.*?)[ \t]*$/;
const LISTED_SERVICES = 10;

/**
 * Answers `/why`. Parameters: `service` (`namespace/name`, `name.namespace` or the whole host name, with `:port` by
 * number or name), `down` (a cluster; may be repeated), `from` (`region/zone`), and to ask for access and routes `request`
 * (`METHOD /path`), `header` (`name: value`; may be repeated), `caller` (SPIFFE ID) and `cluster` (where it comes from; this one by default).
 * @param nowMs Unix ms
 */
export function answerWhy(nowMs: number, table: RouteTable, query: URLSearchParams): WhyAnswer {
  const found = readRoute(table, query.get('service'));
  if (found.kind === 'problem') return found.answer;
  const down = readClusters(table, query.getAll('down'));
  if (down.kind === 'problem') return down.answer;
  const from = readLocality(query.get('from'));
  if (from.kind === 'problem') return from.answer;
  const request = readRequest(query);
  if (request.kind === 'problem') return request.answer;
  const caller = query.get('caller') ?? undefined;
  const rules = explainRules(table, found.value, caller, request.value);
  // Where they go nowhere, it is told what would be of the service itself.
  const taken = rules.route ?? found.value;
  const access = request.value && explainAccess(table, taken, { ...request.value, path: rules.path }, query);
  const supposed = { down: down.value, ...(from.value === undefined ? {} : { from: from.value }) };
  const route = explainRoute(nowMs, table, taken, supposed);
  const balancing = explainBalancing(nowMs, table, taken);
  const { endpoints, upstream } = taken;
  const transport = endpoints.length === 0 ? null : upstreamText(upstream);
  const handling = handlingText(taken.handling);
  const { sentences } = rules;
  const body = { route, balancing, access: access ?? null, upstream: transport, rules: sentences, handling };
  return { status: 200, body };
}

function readRoute(table: RouteTable, text: string | null): Reading<Route> {
  if (text === null || text === '') {
    return problem(400, 'no service is named', 'ask for ?service=NAMESPACE/NAME');
  }
  const { key, port } = splitService(text);
  const service = table.services.get(key) ?? table.services.get(backendKey(key));
  if (service === undefined) return problem(404, `no service ${key} in the clusterset`, nearHint(table, key));
  if (port === undefined) {
    const route = service.defaultRoute ?? service.routes[0];
    return route === undefined
      ? problem(404, `service ${key} has no port`, '')
      : { kind: 'value', value: route };
  }
  const route = service.routes.find((known) => known.port.name === port || String(known.port.port) === port);
  if (route !== undefined) return { kind: 'value', value: route };
  const ports = service.routes.map((known) => `${known.port.name} (${known.port.port})`).join(', ');
  return problem(404, `service ${key} has no port ${port}`, `it has: ${ports}`);
}

/** `namespace/name[:port]`, or a host name with or without a port. */
function splitService(text: string): { readonly key: string; readonly port: string | undefined } {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? undefined : text.slice(colon + 1);
  return { key: parseAuthority(name)?.key ?? name, port };
}

function nearHint(table: RouteTable, key: string): string {
  const known = [...new Set(table.services.keys().map(namedKey))].sort();
  if (known.length === 0) return 'no service is exported in the clusterset yet';
  const name = key.slice(key.indexOf('/') + 1);
  const near = nearestWord(key, known) ?? known.find((other) => other.endsWith(`/${name}`));
  if (near !== undefined) return `did you mean ${near}?`;
  const more = known.length > LISTED_SERVICES ? `, and ${known.length - LISTED_SERVICES} more` : '';
  return `there are: ${known.slice(0, LISTED_SERVICES).join(', ')}${more}`;
}

function readClusters(table: RouteTable, names: readonly string[]): Reading<readonly string[]> {
  const known = [table.snapshot.local.name, ...table.snapshot.peers.keys()].sort();
  const unknown = names.find((name) => !known.includes(name));
  return unknown === undefined
    ? { kind: 'value', value: names }
    : problem(404, `no cluster ${unknown} in the clusterset`, `there are: ${known.join(', ')}`);
}

function readLocality(text: string | null): Reading<Locality | undefined> {
  if (text === null) return { kind: 'value', value: undefined };
  if (!LOCALITY.test(text))
    return problem(400, `${JSON.stringify(text)} is no locality`, 'write REGION/ZONE');
  const slash = text.indexOf('/');
  return { kind: 'value', value: { region: text.slice(0, slash), zone: text.slice(slash + 1) } };
}

function readRequest(query: URLSearchParams): Reading<Comparable | undefined> {
  const request = query.get('request');
  if (request === null) return { kind: 'value', value: undefined };
  const [, method = '', path = ''] = REQUEST.exec(request) ?? [];
  const normal = normalisePath(path);
  if (normal === undefined)
    return problem(400, `${JSON.stringify(request)} is no request`, "write 'METHOD /path'");
  const block: string[] = [];
  for (const header of query.getAll('header')) {
    const [, name = '', value = ''] = HEADER.exec(header) ?? [];
    if (name === '') return problem(400, `${JSON.stringify(header)} is no header`, "write 'NAME: VALUE'");
    block.push(name.toLowerCase() === 'host' ? ':authority' : name.toLowerCase(), value);
  }
  return { kind: 'value', value: { method, path: normal, block } };
}

function explainAccess(
  table: RouteTable,
  route: Route,
  { method, path }: Comparable,
  query: URLSearchParams,
): WhyAccess {
  const cluster = query.get('cluster') ?? table.snapshot.local.name;
  const caller = query.get('caller') ?? undefined;
  const decision = route.access.decide(caller, cluster, method, path);
  const who = caller === undefined ? 'an anonymous caller' : caller;
  const { audit } = route.access;
  const audited = audit?.decide(caller, cluster, method, path);
  const would =
    audit === undefined || audited === undefined || audited.allowed === decision.allowed
      ? ''
      : `; would be ${accessText(audited, audit)} if what is in audit mode held`;
  const reason = `${accessText(decision, route.access)} for ${who} in ${cluster}${would}`;
  return { allowed: decision.allowed, reason };
}

function accessText(decision: AccessDecision, access: CompiledAccess): string {
  switch (decision.because) {
    case 'no-rules':
      return 'allowed: the service has no access rules, which holds';
    case 'no-deny-matched':
      return 'allowed: no rule denies it';
    case 'no-allow-matched':
      return 'denied: there are allow rules, and none of them matches';
    case 'rule':
      return `${decision.allowed ? 'allowed' : 'denied'} by ${ruleText(decision.rule, access.originOf(decision))}`;
  }
}

/** By its place in its policy, or where nobody wrote one, in the snapshot. */
function ruleText(index: number, origin: RuleOrigin | undefined): string {
  return origin === undefined ? `rule ${index + 1}` : `rule ${origin.rule + 1} of ${origin.policy}`;
}

function problem(
  status: 400 | 404,
  error: string,
  hint: string,
): { readonly kind: 'problem'; readonly answer: WhyAnswer } {
  return { kind: 'problem', answer: { status, body: { error, hint } } };
}
