import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../../federation/model/user-error.ts';
import { readAdmin } from './admin.ts';
import type { DemoCluster } from './demo-cluster.ts';
import { HOST } from './topology.ts';

const TIMEOUT_MS = 60_000;
const POLL_MS = 50;

interface PeerAnswer {
  readonly cluster?: string;
  readonly reach?: string;
  readonly trunk?: { readonly up?: boolean } | null;
}

/**
 * Resolves when every gateway has heard of every other cluster and has a trunk to it: each process is ready earlier,
 * by itself.
 * @throws UserError naming who does not see whom.
 */
export async function gathered(clusters: readonly DemoCluster[]): Promise<void> {
  const deadlineMs = Date.now() + TIMEOUT_MS;
  for (const cluster of clusters) {
    const others = clusters.filter((other) => other !== cluster).map((other) => other.name);
    let missing = others;
    while (missing.length > 0) {
      if (Date.now() > deadlineMs) {
        throw new UserError(`${cluster.name} has no trunk to ${missing.join(' and ')}`, {
          hint: `see the logs in ${cluster.folder}`,
        });
      }
      missing = await unseen(cluster, others);
      if (missing.length > 0) await pause(POLL_MS);
    }
  }
}

async function unseen(cluster: DemoCluster, others: readonly string[]): Promise<string[]> {
  const answer = await readAdmin(HOST, cluster.plan.ports.gatewayAdmin, '/peers');
  const peers = (answer as { peers?: readonly PeerAnswer[] } | undefined)?.peers ?? [];
  const seen = peers.filter((peer) => peer.reach === 'synced' && peer.trunk?.up === true);
  return others.filter((name) => !seen.some((peer) => peer.cluster === name));
}
