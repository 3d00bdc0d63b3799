import { isDeepStrictEqual } from 'node:util';
import type { ClusterName, PeerReach } from '../model/cluster.ts';
import type { PeerHealth } from '../model/snapshot.ts';
import type { TrunkFinding } from '../wire/health-report.ts';
import {
  isLostForAll,
  lostBetween,
  nextEvidence,
  nextPeerHealth,
  type TrunkEvidence,
} from './peer-health.ts';

/** What one gateway process said of its trunks. */
export interface GatewayEvidence {
  readonly gateway: string;
  /** A gateway that started anew begins without evidence. */
  readonly startedAtMs: number;
  readonly trunks: ReadonlyMap<ClusterName, TrunkEvidence>;
}

interface Witness extends GatewayEvidence {
  /** Connected and heard of: only then its word counts. */
  readonly reporting: boolean;
}

export interface PeerMemory {
  readonly peers: readonly (readonly [ClusterName, PeerHealth])[];
  readonly gateways: readonly GatewayEvidence[];
}

const MAX_ABSENT_GATEWAYS = 256;
const STEADY: PeerHealth = { kind: 'steady' };

/** How each peer fares, by what this cluster's gateways and the store say. */
export class PeerBook {
  readonly #health = new Map<ClusterName, PeerHealth>();
  readonly #witnesses = new Map<string, Witness>();

  constructor(memory: PeerMemory = { peers: [], gateways: [] }) {
    for (const [cluster, health] of memory.peers) this.#health.set(cluster, health);
    for (const found of memory.gateways) this.#witnesses.set(found.gateway, { ...found, reporting: false });
  }

  /**
   * Takes one gateway's whole report on its trunks. What it no longer names it has no trunk to.
   * @returns whether it says anything new
   */
  report(gateway: string, startedAtMs: number, findings: readonly TrunkFinding[], nowMs: number): boolean {
    const before = this.#witnesses.get(gateway);
    const known = before?.startedAtMs === startedAtMs ? before.trunks : new Map<ClusterName, TrunkEvidence>();
    const trunks = new Map<ClusterName, TrunkEvidence>();
    const blinked: ClusterName[] = [];
    for (const finding of findings) {
      const evidence = known.get(finding.cluster);
      if (lostBetween(evidence, finding)) blinked.push(finding.cluster);
      trunks.set(finding.cluster, nextEvidence(evidence, finding));
    }
    this.#witnesses.delete(gateway);
    const witness = { gateway, startedAtMs, trunks, reporting: true };
    this.#witnesses.set(gateway, witness);
    for (const cluster of blinked) this.#noteBlink(cluster, nowMs);
    return !isDeepStrictEqual(before, witness);
  }

  /** A gateway's stream ended: its word no longer counts, but is compared with when it comes back. */
  silence(gateway: string): void {
    const witness = this.#witnesses.get(gateway);
    if (witness !== undefined) this.#witnesses.set(gateway, { ...witness, reporting: false });
    const absent = [...this.#witnesses.values()].filter((found) => !found.reporting);
    for (const { gateway: name } of absent.slice(0, -MAX_ABSENT_GATEWAYS)) this.#witnesses.delete(name);
  }

  /** The peer's state by all that is known now. */
  judge(cluster: ClusterName, reach: PeerReach, nowMs: number): PeerHealth {
    const before = this.#health.get(cluster) ?? STEADY;
    const after = nextPeerHealth(before, reach, this.#trunksTo(cluster), nowMs);
    this.#health.set(cluster, after);
    return after;
  }

  /** Forgets how all others fared. */
  retain(known: ReadonlyMap<ClusterName, unknown>): void {
    for (const cluster of this.#health.keys()) if (!known.has(cluster)) this.#health.delete(cluster);
  }

  get memory(): PeerMemory {
    return {
      peers: [...this.#health].filter(([, health]) => health.kind !== 'steady'),
      gateways: [...this.#witnesses.values()].map(({ reporting, ...evidence }) => evidence),
    };
  }

  /** A trunk was lost and is up again: with those that are still lost it may be a loss for all. */
  #noteBlink(cluster: ClusterName, nowMs: number): void {
    const trunks = this.#trunksTo(cluster);
    const lost = trunks.filter((trunk) => trunk.wasUp && !trunk.up).length;
    if (isLostForAll(lost + 1, trunks)) this.#fail(cluster, nowMs);
  }

  #fail(cluster: ClusterName, nowMs: number): void {
    if (this.#health.get(cluster)?.kind !== 'failing') {
      this.#health.set(cluster, { kind: 'failing', sinceMs: nowMs });
    }
  }

  #trunksTo(cluster: ClusterName): readonly TrunkEvidence[] {
    const found: TrunkEvidence[] = [];
    for (const { reporting, trunks } of this.#witnesses.values()) {
      const evidence = reporting ? trunks.get(cluster) : undefined;
      if (evidence !== undefined) found.push(evidence);
    }
    return found;
  }
}
