import { isDeepStrictEqual } from 'node:util';
import type { RouteMatch, ServiceRoute } from '../../../federation/model/mesh-route.ts';
import type { SnapshotPort } from '../../../federation/model/snapshot.ts';
import { compileMatch, compileRule } from './compile-rule.ts';
import type { CompiledMatch } from './compiled-rule.ts';
import { compareMatches, compareRpcMatches } from './precedence.ts';
import { type Comparable, firstMatch } from './request-match.ts';

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
const WORKLOAD = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/[^/]+$/;

/**
 * The rules of all routes that are attached to one port, in the order in which they are asked. Callers of a namespace
 * that has routes of its own for the service (consumer routes) go by those alone, all others by the service's own
 * (GEP-1426).
 */
export class RuleSet {
  /** What it was made from. */
  readonly routes: readonly ServiceRoute[];
  /** undefined: for the others it is as without any route. */
  readonly producer: readonly CompiledMatch[] | undefined;
  readonly consumers: ReadonlyMap<string, readonly CompiledMatch[]>;

  constructor(routes: readonly ServiceRoute[], workers: number) {
    this.routes = routes;
    const own = routes.filter((route) => !route.consumer);
    this.producer = own.length === 0 ? undefined : matchesOf(own, workers);
    const others = Map.groupBy(
      routes.filter((route) => route.consumer),
      (route) => route.namespace,
    );
    this.consumers = new Map([...others].map(([namespace, some]) => [namespace, matchesOf(some, workers)]));
  }

  /** What a caller's requests go by; undefined = no rules. */
  matchesFor(caller: string | undefined): readonly CompiledMatch[] | undefined {
    if (this.consumers.size === 0 || caller === undefined) return this.producer;
    const namespace = WORKLOAD.exec(caller)?.[1];
    return (namespace === undefined ? undefined : this.consumers.get(namespace)) ?? this.producer;
  }

  find(caller: string | undefined, request: Comparable): CompiledMatch | 'none' | 'no-rules' {
    const matches = this.matchesFor(caller);
    return matches === undefined ? 'no-rules' : (firstMatch(matches, request) ?? 'none');
  }
}

/**
 * @param before of the snapshot before: the same object while its routes are, so that the turns of its backends go on
 * @param workers how many share the pod's bounds
 * @returns undefined where no route is attached: then no request costs anything more
 */
export function ruleSetOf(
  routes: readonly ServiceRoute[] | undefined,
  port: SnapshotPort,
  before: RuleSet | undefined,
  workers: number,
): RuleSet | undefined {
  if (routes === undefined || port.protocol === 'tcp') return undefined;
  const attached = routes.filter(
    (route) =>
      (route.port === undefined || route.port === port.port) &&
      (route.sectionName === undefined || route.sectionName === port.name),
  );
  if (attached.length === 0) return undefined;
  return isDeepStrictEqual(before?.routes, attached) ? before : new RuleSet(attached, workers);
}

/** Of two kinds at one port only the more specific holds (GEP-1426). */
function matchesOf(routes: readonly ServiceRoute[], workers: number): readonly CompiledMatch[] {
  const rpcs = routes.filter((route) => route.kind === 'GRPCRoute');
  const [held, compare] = rpcs.length > 0 ? [rpcs, compareRpcMatches] : [routes, compareMatches];
  const entries = held.flatMap((route) =>
    route.rules.flatMap((rule) => {
      const compiled = compileRule(route, rule, workers);
      return rule.matches.map((match: RouteMatch) => ({ match, compiled: compileMatch(match, compiled) }));
    }),
  );
  return entries.sort((a, b) => compare(a.match, b.match)).map((entry) => entry.compiled);
}
