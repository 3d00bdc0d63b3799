import { z } from 'zod';
import type { GatewayCount } from './registration-site.ts';

const federation = z.object({
  readiness: z.object({
    kind: z.string(),
    waitingFor: z.string().optional(),
    problems: z.array(z.string()).default([]),
  }),
  store: z.object({ state: z.string(), problem: z.string().nullish() }),
  gateways: z.array(z.object({ ackedVersion: z.number().nullish() })),
  peers: z.array(
    z.object({
      cluster: z.string(),
      reach: z.string(),
      health: z.object({ kind: z.string() }),
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
}

export function memberSight(
  status: z.infer<typeof statusAnswer>,
  gateways: GatewayCount,
  peer: string,
): MemberSight {
  return { peer, federation: status.federation, gateways };
}

export interface Missing {
  readonly reason: string;
  readonly cure: string;
}

/**
 * The first thing that is not as it should be, from the inside to the outside; undefined = all is. A gateway that took a
 * snapshot has a certificate: without one the federation service does not speak with it.
 */
export function missingOf({ peer, federation, gateways }: MemberSight): Missing | undefined {
  const pods = 'kubectl get pods, and the logs of those that are not ready, say why';
  if ('unanswered' in federation) return { reason: federation.unanswered, cure: pods };
  const { readiness, store } = federation;
  if (store.state !== 'up') {
    const reason = `the store is ${store.state}: ${store.problem ?? 'it does not say why'}`;
    return { reason, cure: 'see that the store can be reached from this cluster' };
  }
  if (readiness.kind !== 'ready') {
    const why = readiness.problems.join('; ') || readiness.waitingFor || 'it does not say why';
    return { reason: `the federation service is ${readiness.kind}: ${why}`, cure: pods };
  }
  const { ready, wanted } = gateways;
  if (ready === 0 || ready < wanted)
    return { reason: `${ready} of ${wanted} gateways are ready`, cure: pods };
  const connected = federation.gateways.filter(({ ackedVersion }) => typeof ackedVersion === 'number').length;
  if (connected === 0) return { reason: 'no gateway has a certificate and a snapshot yet', cure: pods };
  return missingOfPeer(federation, peer);
}

function missingOfPeer({ peers }: z.infer<typeof federation>, peer: string): Missing | undefined {
  const cure = `see that ${peer} reaches the store, and that its gateways' addresses can be reached from here`;
  const seen = peers.find(({ cluster }) => cluster === peer);
  if (seen === undefined) return { reason: `${peer} is not known here`, cure };
  if (seen.problem != null) return { reason: `${peer}: ${seen.problem}`, cure };
  if (seen.reach !== 'synced') return { reason: `what ${peer} publishes is ${seen.reach}`, cure };
  if (seen.health.kind === 'failing') return { reason: `the trunks to ${peer} are down`, cure };
  return undefined;
}
