import { z } from 'zod';
import type { GatewaySight } from '../context/gateway-sight.ts';
import type { GatewayCount } from '../context/kubernetes-site.ts';
import { CLOCK_CURE, clockDifference } from './report-checks.ts';

const federation = z.object({
  readiness: z.object({
    kind: z.string(),
    waitingFor: z.string().optional(),
    problems: z.array(z.string()).default([]),
  }),
  store: z.object({ state: z.string(), problem: z.string().nullish() }),
  /** By its own clock; undefined = a release that did not say it. */
  nowMs: z.number().optional(),
  peers: z.array(
    z.object({
      cluster: z.string(),
      reach: z.string(),
      health: z.object({ kind: z.string() }),
      lastSeenMs: z.number().default(0),
      problem: z.string().nullish(),
    }),
  ),
});

/** `isthmus cluster status --output json`, as far as a registration needs it. */
export const statusAnswer = z.object({
  clusterset: z.string(),
  federation: z.union([federation, z.object({ unanswered: z.string() })]),
});

/** What one of the two clusters knows. */
export interface MemberSight {
  readonly peer: string;
  readonly federation: z.infer<typeof federation> | { readonly unanswered: string };
  readonly gateways: GatewayCount;
  readonly asked: readonly GatewaySight[];
}

export function memberSight(
  status: z.infer<typeof statusAnswer>,
  gateways: GatewayCount,
  asked: readonly GatewaySight[],
  peer: string,
): MemberSight {
  return { peer, federation: status.federation, gateways, asked };
}

export interface Missing {
  readonly reason: string;
  readonly cure: string;
}

/** The first thing that is not as it should be, from the inside to the outside; undefined = all is. */
export function missingOf({ peer, federation, gateways, asked }: MemberSight): Missing | undefined {
  const pods = 'kubectl get pods, and the logs of those that are not ready, say why';
  if ('unanswered' in federation) return { reason: federation.unanswered, cure: pods };
  const { readiness, store } = federation;
  if (store.state !== 'up') {
    const reason = `the store is ${store.state}: ${store.problem ?? 'it does not say why'}`;
    return { reason, cure: 'see that the store can be reached from this cluster' };
  }
  // Degraded it serves and publishes: what it cannot read is no reason to keep another cluster out.
  if (readiness.kind !== 'ready' && readiness.kind !== 'degraded') {
    const why = readiness.problems.join('; ') || readiness.waitingFor || 'it does not say why';
    return { reason: `the federation service is ${readiness.kind}: ${why}`, cure: pods };
  }
  const { ready, wanted } = gateways;
  if (ready === 0 || ready < wanted)
    return { reason: `${ready} of ${wanted} gateways are ready`, cure: pods };
  return missingOfGateways(asked, pods) ?? missingOfPeer(federation, peer) ?? missingTrunk(asked, peer);
}

/** What works, and a person should know of it: in sentences, each with what to do. */
export function concernsOf({ peer, federation }: MemberSight): readonly Missing[] {
  if ('unanswered' in federation) return [];
  const { readiness, peers, nowMs } = federation;
  const concerns: Missing[] = [];
  if (readiness.kind === 'degraded') {
    const why = readiness.problems.join('; ');
    const reason = `the federation service is degraded: ${why}`;
    concerns.push({
      reason,
      cure: 'isthmus cluster check says where and what to do; the last good state is served',
    });
  }
  const seen = peers.find(({ cluster }) => cluster === peer);
  if (seen === undefined || seen.reach !== 'synced' || seen.lastSeenMs === 0 || nowMs === undefined)
    return concerns;
  const apart = clockDifference(seen, nowMs);
  if (apart !== undefined) concerns.push({ reason: apart, cure: CLOCK_CURE });
  return concerns;
}

function missingOfGateways(asked: readonly GatewaySight[], cure: string): Missing | undefined {
  for (const { pod, answer } of asked) {
    if (answer.kind === 'failed')
      return { reason: `gateway ${pod}: ${answer.error.message}`, cure: answer.error.hint ?? cure };
    const { svid, snapshot } = answer.value;
    if (svid === undefined) return { reason: `gateway ${pod} has no certificate yet`, cure };
    if (snapshot === undefined) return { reason: `gateway ${pod} has no snapshot yet`, cure };
  }
  return undefined;
}

/** Each pod keeps a trunk open to each peer, also while nobody uses it. */
function missingTrunk(asked: readonly GatewaySight[], peer: string): Missing | undefined {
  for (const { pod, answer } of asked) {
    if (answer.kind === 'failed') continue;
    const trunk = answer.value.peers.find(({ cluster }) => cluster === peer)?.trunk;
    if (trunk?.up === true) continue;
    const state = trunk == null ? 'has no trunk to' : 'lost its trunk to';
    return { reason: `gateway ${pod} ${state} ${peer}`, cure: reachCure(peer) };
  }
  return undefined;
}

function reachCure(peer: string): string {
  return `see that ${peer} reaches the store, and that its gateways' addresses can be reached from here`;
}

function missingOfPeer({ peers }: z.infer<typeof federation>, peer: string): Missing | undefined {
  const cure = reachCure(peer);
  const seen = peers.find(({ cluster }) => cluster === peer);
  if (seen === undefined) return { reason: `${peer} is not known here`, cure };
  if (seen.problem != null) return { reason: `${peer}: ${seen.problem}`, cure };
  if (seen.reach !== 'synced') return { reason: `what ${peer} publishes is ${seen.reach}`, cure };
  if (seen.health.kind === 'failing') return { reason: `the trunks to ${peer} are down`, cure };
  return undefined;
}
