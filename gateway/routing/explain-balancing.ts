import type {
  BalancedLocality,
  BalancingExplanation,
  ExplainedHashSource,
  WarmingEndpoint,
} from '../../federation/failover/balancing-explanation.ts';
import { durationText, policyName } from '../../federation/failover/sentences.ts';
import {
  DEFAULT_TRAFFIC_POLICY,
  type HashSource,
  hashSourceOf,
  type LoadBalancing,
  type SlowStart,
} from '../../federation/model/traffic-policy.ts';
import { HashedBalancing } from './balancing/hashed.ts';
import { warmth } from './balancing/slow-start.ts';
import { currentLocalHosts } from './failover-input.ts';
import type { LocalEndpoint } from './local-endpoint.ts';
import type { FitEndpoints } from './local-hosts.ts';
import type { Route } from './route.ts';
import type { RouteTable } from './route-table.ts';

/**
 * How one of the route's own endpoints would be chosen now. Changes nothing.
 * @param nowMs Unix ms
 */
export function explainBalancing(nowMs: number, table: RouteTable, route: Route): BalancingExplanation {
  const policy = table.snapshot.services.get(route.key)?.traffic ?? DEFAULT_TRAFFIC_POLICY;
  const { loadBalancing } = policy;
  const slowStart = slowStartOf(loadBalancing);
  const hashOn = hashSourceOf(loadBalancing);
  return {
    policy: policyName(policy),
    kind: loadBalancing.kind,
    parameters: parametersOf(loadBalancing),
    hashOn: hashOn === undefined ? null : explainedSource(hashOn),
    slowStart: slowStart ?? null,
    decision: [
      methodText(loadBalancing),
      ...(hashOn === undefined ? [] : [hashText(hashOn)]),
      ...(slowStart === undefined ? [] : [slowStartText(slowStart)]),
    ],
    localities: [...currentLocalHosts(route).byLocality].map(
      ([key, { locality, endpoints }]): BalancedLocality => ({
        locality,
        endpoints: endpoints.hosts,
        healthy: endpoints.healthy.length,
        degraded: endpoints.degraded.length,
        tableSlots: tableSlots(route, key),
        warming: warmingOf(nowMs, endpoints, slowStart),
      }),
    ),
  };
}

function slowStartOf(loadBalancing: LoadBalancing): SlowStart | undefined {
  return 'slowStart' in loadBalancing ? loadBalancing.slowStart : undefined;
}

function parametersOf(loadBalancing: LoadBalancing): Readonly<Record<string, number>> {
  switch (loadBalancing.kind) {
    case 'power-of-two':
    case 'round-robin':
    case 'random':
      return {};
    case 'least-request': {
      const { choiceCount, activeRequestBias } = loadBalancing;
      return { choiceCount, activeRequestBias };
    }
    case 'ring-hash': {
      const { minimumRingSize, maximumRingSize } = loadBalancing;
      return { minimumRingSize, maximumRingSize };
    }
    case 'maglev':
      return { tableSize: loadBalancing.tableSize };
  }
}

function explainedSource(source: HashSource): ExplainedHashSource {
  switch (source.kind) {
    case 'header':
      return { kind: source.kind, name: source.name, ttlMs: null };
    case 'cookie':
      return { kind: source.kind, name: source.name, ttlMs: source.ttlMs ?? null };
    case 'source-address':
      return { kind: source.kind, name: null, ttlMs: null };
  }
}

function tableSlots({ balancing }: Route, locality: string): number | null {
  return balancing instanceof HashedBalancing ? (balancing.tableOf(locality)?.slots ?? null) : null;
}

function warmingOf(
  nowMs: number,
  { healthy, degraded }: FitEndpoints,
  slowStart: SlowStart | undefined,
): readonly WarmingEndpoint[] {
  if (slowStart === undefined) return [];
  const warmAtMs = (endpoint: LocalEndpoint) => endpoint.runtime.fitSinceMs + slowStart.windowMs;
  return [...healthy.destinations, ...degraded.destinations]
    .map(({ endpoint }) => endpoint)
    .filter((endpoint) => warmAtMs(endpoint) > nowMs)
    .sort((a, b) => b.runtime.fitSinceMs - a.runtime.fitSinceMs)
    .map((endpoint) => ({
      address: endpoint.address,
      weightPercent: Math.round(warmth(slowStart, endpoint.runtime.fitSinceMs, nowMs) * 100),
      warmInMs: Math.min(slowStart.windowMs, warmAtMs(endpoint) - nowMs),
    }));
}

function methodText(loadBalancing: LoadBalancing): string {
  switch (loadBalancing.kind) {
    case 'power-of-two':
      return 'Power of two choices with peak EWMA: of two endpoints at random the one with fewer requests in flight times latency.';
    case 'least-request':
      return (
        `Least request: of ${loadBalancing.choiceCount} endpoints at random the one with the fewest requests in flight; ` +
        `where weights differ, in turn by weight / (in flight + 1) ^ ${loadBalancing.activeRequestBias}.`
      );
    case 'round-robin':
      return 'Round robin: each endpoint in turn, by weight.';
    case 'random':
      return 'Random: any endpoint, by weight.';
    case 'ring-hash':
      return (
        `Ring hash: the request's hash leads to an endpoint on a ring of ${loadBalancing.minimumRingSize} ` +
        `to ${loadBalancing.maximumRingSize} entries; from an unfit one the next takes over.`
      );
    case 'maglev':
      return (
        `Maglev: the request's hash leads to an endpoint in a table of ${loadBalancing.tableSize} slots; ` +
        'from an unfit one the next takes over.'
      );
  }
}

/** What a request has to have, and what becomes of one that has not. */
function hashText(source: HashSource): string {
  switch (source.kind) {
    case 'header':
      return `The hash is of the header ${source.name}, and chooses cluster and locality too; a request without it goes anywhere.`;
    case 'source-address':
      return "The hash is of the client's address, and chooses cluster and locality too.";
    case 'cookie': {
      const given = 'The hash is of the cookie';
      const without =
        source.ttlMs === undefined
          ? 'a request without it goes anywhere'
          : `a client without it is given one for ${source.ttlMs === 0 ? 'its session' : durationText(source.ttlMs)}`;
      return `${given} ${source.name}, and chooses cluster and locality too; ${without}.`;
    }
  }
}

function slowStartText({ windowMs, minWeightPercent, aggression }: SlowStart): string {
  const shape = aggression === 1 ? '' : ` (aggression ${aggression})`;
  return `Slow start: a new endpoint begins with ${minWeightPercent} % of its weight and has all after ${durationText(windowMs)}${shape}.`;
}
