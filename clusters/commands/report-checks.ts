import { elapsed } from '../../federation/model/elapsed.ts';
import type { Attempt } from './attempt.ts';
import { type CheckStep, failed, failedBy, ok, skipped } from './check-step.ts';
import type { FederationReport, GatewayReport, PeerReport } from './programs.ts';

/** A head is issued every 2 s and counts as silence after 10: one that is heard is no older than this by a right clock. */
const OLDEST_HEARD_MS = 15_000;
/** What may lie between two clocks that are kept in time. */
const FUTURE_MS = 5_000;

/** What the federation service's report says, step by step. */
export function federationChecks(answer: Attempt<FederationReport>): readonly CheckStep[] {
  if (answer.kind === 'failed') {
    const without = 'the federation service does not answer';
    return [
      failedBy('federation', answer.error),
      ...['resources', 'peers', 'clocks'].map((name) => skipped(name, without)),
    ];
  }
  const { value: report } = answer;
  return [readinessCheck(report), ...resourceChecks(report), ...peerChecks(report), ...clockChecks(report)];
}

const FORGOTTEN_USER =
  'the store may have been made anew, or have forgotten its users: give it back the ACL users that it had, or let the trust home ' +
  'invite this cluster again (isthmus cluster invite NAME --force)';

/** How the store is, where only the federation service can be asked. */
export function reportedStoreChecks(answer: Attempt<FederationReport>): readonly CheckStep[] {
  if (answer.kind === 'failed') return [skipped('store', 'the federation service does not answer')];
  const { state, problem, publisher } = answer.value.store;
  if (state === 'up') return [ok('store', publisher.kind === 'standby' ? 'up, read by a standby' : 'up')];
  const isUnknown = /refuses the password of user/.test(problem ?? '');
  const cure = isUnknown ? FORGOTTEN_USER : 'can pods of this cluster reach the store?';
  return [failed('store', problem ?? 'it does not answer', cure)];
}

function readinessCheck({ readiness, snapshot, resourceProblems }: FederationReport): CheckStep {
  if (readiness.kind === 'starting') {
    return failed(
      'federation',
      [`it waits for ${readiness.waitingFor}`, ...readiness.problems].join('; '),
      'wait a moment and check again; else see its log',
    );
  }
  // Resources have a step of their own.
  const problems =
    readiness.kind === 'ready' ? [] : readiness.problems.filter((text) => !isListed(text, resourceProblems));
  if (problems.length > 0)
    return failed('federation', problems.join('; '), 'the last good state is served; see its log');
  return ok(
    'federation',
    `ready, snapshot ${snapshot?.epoch}/${snapshot?.version} with ${snapshot?.services} services`,
  );
}

function isListed(text: string, problems: FederationReport['resourceProblems']): boolean {
  return problems.some(({ where, message }) => text === `${where}: ${message}`);
}

function resourceChecks({ resourceProblems, conflicts, store }: FederationReport): readonly CheckStep[] {
  const steps = [
    ...resourceProblems.map(({ where, message, hint }) => failed('resources', `${where}: ${message}`, hint)),
    ...conflicts.map(({ service, message }) =>
      failed('resources', `${service}: ${message}`, 'make the export like the oldest one, which holds'),
    ),
  ];
  return steps.length === 0
    ? [ok('resources', `all read, ${store.exportedServices} services exported`)]
    : steps;
}

function peerChecks({ peers, nowMs }: FederationReport): readonly CheckStep[] {
  if (peers.length === 0) return [ok('peers', 'none yet')];
  return peers.map((peer) => {
    const name = `peer ${peer.cluster}`;
    const age = peer.lastSeenMs === 0 ? 'never heard' : `last heard ${elapsed(nowMs - peer.lastSeenMs)} ago`;
    if (peer.problem !== undefined) {
      return failed(
        name,
        `newer word of it is refused: ${peer.problem}`,
        `run isthmus cluster check in ${peer.cluster}`,
      );
    }
    if (peer.reach === 'synced' || peer.reach === 'left')
      return ok(name, `${peer.reach}, ${peer.services} services`);
    return failed(
      name,
      `${peer.reach}, ${age}`,
      `is its federation service running? run isthmus cluster check in ${peer.cluster}`,
    );
  });
}

function clockChecks({ peers, nowMs }: FederationReport): readonly CheckStep[] {
  const heard = peers.filter((peer) => peer.reach === 'synced' && peer.lastSeenMs > 0);
  if (heard.length === 0) return [skipped('clocks', 'no peer is heard whose clock could be compared')];
  const wrong = heard.flatMap((peer) => clockCheck(peer, nowMs));
  return wrong.length === 0
    ? [ok('clocks', `agree with ${heard.map(({ cluster }) => cluster).join(', ')}`)]
    : wrong;
}

function clockCheck(peer: PeerReport, nowMs: number): readonly CheckStep[] {
  const apart = clockDifference(peer, nowMs);
  return apart === undefined ? [] : [failed('clocks', apart, CLOCK_CURE)];
}

export const CLOCK_CURE = 'keep both clocks in time (NTP): certificates count from 60 s before they are made';

/**
 * How far apart the clocks are of this cluster and of a peer that is heard; undefined where they agree.
 * @param nowMs this cluster's, Unix ms
 */
export function clockDifference(
  { cluster, lastSeenMs }: Pick<PeerReport, 'cluster' | 'lastSeenMs'>,
  nowMs: number,
): string | undefined {
  const aheadMs = lastSeenMs - nowMs;
  if (aheadMs <= FUTURE_MS && aheadMs >= -OLDEST_HEARD_MS) return undefined;
  const direction = aheadMs > 0 ? 'ahead of' : 'behind';
  return `what ${cluster} says is dated ${elapsed(aheadMs)} ${direction} this cluster's clock`;
}

/** What the gateway's report says; `peers` are those that it should have a trunk to. */
export function gatewayChecks(
  answer: Attempt<GatewayReport>,
  federation: Attempt<FederationReport>,
): readonly CheckStep[] {
  if (answer.kind === 'failed') {
    return [failedBy('gateway', answer.error), skipped('trunks', 'the gateway does not answer')];
  }
  const { value: report } = answer;
  return [gatewayReadiness(report), ...trunkChecks(report, federation)];
}

function gatewayReadiness({ ready, control, workers, svid }: GatewayReport): CheckStep {
  const cure = 'see its log; is the federation service running?';
  if (!ready) return failed('gateway', `not ready: control plane ${control.kind}${reasonOf(control)}`, cure);
  if (control.kind === 'away') {
    return failed(
      'gateway',
      `serves what it last had; the federation service is away${reasonOf(control)}`,
      cure,
    );
  }
  const left = svid === undefined ? '' : `, identity for ${elapsed(svid.expiresInSeconds * 1000)}`;
  return ok('gateway', `ready, ${workers.length} workers${left}`);
}

function reasonOf({ reason }: GatewayReport['control']): string {
  return reason === undefined ? '' : `: ${reason}`;
}

function trunkChecks({ peers }: GatewayReport, federation: Attempt<FederationReport>): readonly CheckStep[] {
  const known = federation.kind === 'answered' ? federation.value.peers : [];
  const left = new Set(known.filter(({ reach }) => reach === 'left').map(({ cluster }) => cluster));
  const expected = peers.filter(({ cluster }) => !left.has(cluster));
  if (expected.length === 0) return [ok('trunks', 'none needed yet')];
  return expected.map(({ cluster, trunk }) => {
    const name = `trunk to ${cluster}`;
    if (trunk?.up === true) return ok(name, `up, round trip ${(trunk.rttSeconds * 1000).toFixed(1)} ms`);
    const gateways = known.find((peer) => peer.cluster === cluster)?.gateways ?? [];
    const where = gateways.map(({ host, port }) => `${host}:${port}`).join(', ');
    return failed(
      name,
      trunk === null ? 'none came up yet' : 'down',
      where === ''
        ? `${cluster} has not said where its gateways are: is it running?`
        : `can this machine reach ${where}? run isthmus cluster check in ${cluster}`,
    );
  });
}
