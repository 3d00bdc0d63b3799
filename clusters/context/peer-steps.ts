import { type CheckStep, failed, ok, skipped, warning } from '../commands/check-step.ts';
import { type WrittenPeer, writtenPeers } from './cluster-peers.ts';
import type { OpenRelease } from './open-release.ts';

const TYPES = new Set(['Connected', 'Trusted', 'Synced']);

/** What stands in the ClusterPeers: the last word of a federation service that does not answer. @throws UserError */
export async function peerSteps(open: OpenRelease): Promise<readonly CheckStep[]> {
  const peers = await writtenPeers(open);
  return peers.length === 0 ? [ok('ClusterPeers', 'there are none')] : peers.map(judgePeer);
}

export function judgePeer({ cluster, conditions, lastSeen }: WrittenPeer): CheckStep {
  const name = `ClusterPeer ${cluster}`;
  const ofPeer = conditions.filter(({ type }) => TYPES.has(type));
  if (ofPeer.length === 0) return skipped(name, 'the federation service has written nothing of it yet');
  const seen = lastSeen === undefined ? 'never seen' : `last seen ${lastSeen}`;
  const said = `as the federation service last wrote, ${seen}`;
  if (ofPeer.some(({ reason }) => reason === 'Left')) return ok(name, `it left the clusterset; ${said}`);
  const unmet = ofPeer.filter(({ status }) => status !== 'True');
  if (unmet.length === 0) return ok(name, `${ofPeer.map(({ type }) => type).join(', ')}; ${said}`);
  const told = unmet.map(({ type, status, reason, message }) => `${type} ${status}, ${reason}: ${message}`);
  const say = unmet.some(({ status }) => status === 'False') ? failed : warning;
  return say(
    name,
    `${told.join('; ')}; ${said}`,
    `let the federation service here answer first; then run isthmus cluster check in ${cluster}`,
  );
}
