import { isDeepStrictEqual } from 'node:util';
import { nameSome } from '../../commands/name-some.ts';
import { datedConditions, type ObjectCondition, type WantedCondition } from '../mcs/conditions.ts';
import type { DrainSight, PeerSight, StatusSight } from './status-view.ts';

/** `ClusterPeer.status`; times are RFC 3339. */
export interface PeerStatus {
  readonly observedGeneration?: number | undefined;
  readonly conditions: readonly ObjectCondition[];
  readonly lastSeen?: string | undefined;
  readonly ageSeconds?: number | undefined;
  readonly roundTripMs?: number | undefined;
  readonly gateways?: readonly string[] | undefined;
  readonly services?: number | undefined;
  readonly bundleSequence?: number | undefined;
  readonly drainedPercent?: number | undefined;
  /** The same in a word or two, for a column. */
  readonly drain?: string | undefined;
}

export interface PeerFacts {
  /** undefined = it is not followed. */
  readonly peer: PeerSight | undefined;
  /** The object is the cluster's own: it says whether all are to send nothing here. */
  readonly isOwn?: boolean;
  readonly drain?: DrainSight | undefined;
  /** Why nothing of it is trusted, by what the object itself says. */
  readonly distrust?: string | undefined;
  /** Why the object cannot be used, and what is in force instead. */
  readonly fault?: string | undefined;
  readonly generation: number | undefined;
  readonly sight: Pick<StatusSight, 'reportingGateways' | 'storeUp' | 'settled'>;
}

/** Mere numbers are not written more often than this, for each peer. */
const NUMBERS_EVERY_MS = 30_000;

/**
 * What the status of a ClusterPeer should be; undefined when it is so, or when nothing but numbers changed a short time
 * ago. When it was written last is read from the object itself, so that a new leader keeps the pace of the one before.
 * @param nowMs Unix ms
 */
export function peerStatus(facts: PeerFacts, before: PeerStatus, nowMs: number): PeerStatus | undefined {
  const { peer, drain, generation, sight } = facts;
  const ofPeer = facts.isOwn === true ? [] : [connected(facts), trusted(facts), synced(facts)];
  const unusable = facts.fault === undefined ? [] : [invalid(facts.fault)];
  const said = [...unusable, ...ofPeer, ...(drain === undefined ? [] : [drained(drain)])];
  // A process that has just started has not heard of everything yet, and that is no news of the peer.
  const wanted = sight.settled
    ? said
    : said.map((one) => (one.status === 'Unknown' ? kept(one, before) : one));
  const after: PeerStatus = {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: datedConditions(wanted, before.conditions, generation, nowMs),
    ...(sight.settled ? {} : earlierNumbers(before)),
    ...numbers(peer, nowMs),
    ...(drain === undefined ? {} : drainNumbers(drain)),
  };
  if (isDeepStrictEqual(essence(before), essence(after))) {
    const due = nowMs - writtenAtMs(before) >= NUMBERS_EVERY_MS;
    if (!due || isDeepStrictEqual(undated(before), undated(after))) return undefined;
  }
  return after;
}

function kept(unknown: WantedCondition, before: PeerStatus): WantedCondition {
  return before.conditions.find(({ type }) => type === unknown.type) ?? unknown;
}

/** Only while it is so, as with a drain: of what is well there is enough to say. */
function invalid(fault: string): WantedCondition {
  return condition('Accepted')('False', 'Invalid', fault);
}

function connected({ peer, sight, distrust }: PeerFacts): WantedCondition {
  const said = condition('Connected');
  if (peer === undefined) return notFollowed(said, distrust);
  if (peer.reach === 'left') return said('False', 'Left', 'it left the clusterset');
  if (sight.reportingGateways === 0) {
    return said('Unknown', 'NoGateway', 'no gateway of this cluster reports to the federation service');
  }
  const { trunks } = peer;
  const up = trunks.filter((trunk) => trunk.up).length;
  if (up > 0) {
    const all = `${up} of ${sight.reportingGateways} gateways here have a trunk to it`;
    return said('True', 'Connected', all);
  }
  if (peer.gateways.length === 0) {
    return said('False', 'NoAddress', 'it publishes no addresses of gateways: are its gateways running?');
  }
  return said(
    'False',
    'NoTrunk',
    'no gateway here has a trunk to one there; `isthmus cluster check --context` says at which step it fails',
  );
}

function trusted({ peer, distrust }: PeerFacts): WantedCondition {
  const said = condition('Trusted');
  if (distrust !== undefined) {
    return said('False', 'TrustDomainMismatch', `${distrust}: correct spec.trustDomain, or remove it`);
  }
  if (peer === undefined) return notFollowed(said);
  if (peer.reach === 'left') {
    return said('False', 'Left', 'nothing of a cluster that left the clusterset is trusted');
  }
  if (peer.untrusted) {
    return said(
      'False',
      'Refused',
      `what the store has under its name is not signed by whom the roots of the clusterset vouch for: ${peer.problem}`,
    );
  }
  if (peer.lastSeenMs > 0 || peer.trunks.some(({ up }) => up)) {
    return said('True', 'Verified', 'what it signs is verified by the roots of the clusterset');
  }
  return said('Unknown', 'NeverSeen', 'nothing that it signed was ever seen');
}

function synced({ peer, sight, distrust }: PeerFacts): WantedCondition {
  const said = condition('Synced');
  if (peer === undefined) return notFollowed(said, distrust);
  const why = peer.problem === undefined ? '' : `: ${peer.problem}`;
  if (peer.reach === 'left') return said('False', 'Left', 'it left the clusterset by its own signed word');
  if (!sight.storeUp) {
    return said(
      'Unknown',
      'StoreUnavailable',
      'the store does not answer; what was read before stays in force',
    );
  }
  if (peer.reach === 'unknown') {
    const message = `nothing signed by it was ever read${why}`;
    // Only the time after the start makes it sure.
    return said(sight.settled ? 'False' : 'Unknown', 'NeverSeen', message);
  }
  if (peer.problem !== undefined) {
    return said('False', 'Refused', `its newest word is refused, what it said before stays in force${why}`);
  }
  if (peer.reach === 'unreachable') {
    return said('False', 'Stale', 'it says nothing new any more; what it said last stays in force');
  }
  return said('True', 'Synced', 'its newest signed word is read');
}

/** Only while there is a drain, or something of it left. */
function drained({ ordered, takenPercent, kept }: DrainSight): WantedCondition {
  const said = condition('Drained');
  if (!ordered) return said('False', 'Returning', 'its share comes back by the steps of failback');
  const keeps = kept.length === 0 ? '' : `; it keeps ${nameSome(kept)}: no other cluster has a host for that`;
  return takenPercent === 100
    ? said('True', 'Drained', `nothing is left of its share; what is under way there ends by itself${keeps}`)
    : said('False', 'Draining', `its share goes away${keeps}`);
}

/** Each change is written: a drain is told in ten. */
function drainNumbers({ ordered, takenPercent }: DrainSight): Pick<PeerStatus, 'drainedPercent' | 'drain'> {
  const drainedPercent = Math.floor(takenPercent / 10) * 10;
  const isOver = ordered && takenPercent === 100;
  const doing = ordered ? 'draining' : 'returning';
  return { drainedPercent, drain: isOver ? 'drained' : `${doing} ${drainedPercent} %` };
}

type Said = (status: WantedCondition['status'], reason: string, message: string) => WantedCondition;

function condition(type: string): Said {
  return (status, reason, message) => ({ type, status, reason, message });
}

function notFollowed(said: Said, why = 'no member of the clusterset can have this name'): WantedCondition {
  return said('Unknown', 'NotFollowed', why);
}

function numbers(peer: PeerSight | undefined, nowMs: number): Omit<PeerStatus, 'conditions'> {
  if (peer === undefined) return {};
  const { lastSeenMs, gateways, services, bundleSequence, trunks } = peer;
  const measured = trunks
    .filter(({ up, rttSeconds }) => up && rttSeconds > 0)
    .map(({ rttSeconds }) => rttSeconds);
  const mean = measured.reduce((total, one) => total + one, 0) / measured.length;
  return {
    ...(lastSeenMs === 0
      ? {}
      : {
          lastSeen: `${new Date(lastSeenMs).toISOString().slice(0, 19)}Z`,
          ageSeconds: Math.max(0, Math.round((nowMs - lastSeenMs) / 1000)),
        }),
    ...(measured.length === 0 ? {} : { roundTripMs: Math.round(mean * 10_000) / 10 }),
    ...(gateways.length === 0 ? {} : { gateways: gateways.map(({ host, port }) => address(host, port)) }),
    ...(services === undefined ? {} : { services }),
    ...(bundleSequence === undefined ? {} : { bundleSequence }),
  };
}

/** A drain that is not there any more is no number that is not known yet. */
function earlierNumbers(before: PeerStatus): Omit<PeerStatus, 'conditions'> {
  const { conditions: _said, observedGeneration: _generation, ...others } = before;
  const { drainedPercent: _drained, drain: _drain, ...numbers } = others;
  return numbers;
}

function address(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What is written at once when it changes. */
function essence(status: PeerStatus): object {
  const { observedGeneration, conditions, lastSeen, gateways, bundleSequence, roundTripMs } = status;
  return {
    observedGeneration,
    conditions: conditions.map(({ type, status: value, reason }) => [type, value, reason]),
    seen: lastSeen !== undefined,
    measured: roundTripMs !== undefined,
    gateways,
    bundleSequence,
  };
}

/** How old its newest word is changes by itself. */
function undated(status: PeerStatus): object {
  return { ...status, ageSeconds: undefined };
}

function writtenAtMs({ lastSeen, ageSeconds }: PeerStatus): number {
  return lastSeen === undefined ? 0 : Date.parse(lastSeen) + (ageSeconds ?? 0) * 1000;
}
