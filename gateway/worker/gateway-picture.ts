import type { Endpoint } from '../../federation/model/endpoint.ts';
import { MAX_WORKER_RATE_BUCKETS } from '../../federation/model/rate-limit.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { EndpointFinding } from '../../federation/wire/health-report.ts';
import { BucketLedger } from '../routing/bucket-ledger.ts';
import { compileRouteTable, type RoutingRuntime } from '../routing/compile.ts';
import { PeerAvailability } from '../routing/peer-availability.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { showFindings } from '../routing/shown-findings.ts';
import { TroubledPools } from '../routing/troubled-pools.ts';
import { PropagationMeter, propagated } from '../telemetry/propagation.ts';
import type { TrunkSighting } from './peer-sights.ts';

export interface PictureOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly followed: boolean;
  /** Ports that clients of any service come to; they are known when the first snapshot comes. */
  readonly sharedPorts: readonly number[];
}

/** A table that nobody has asked for in this time goes when the next snapshot comes. */
const ASKED_FOR_MS = 60_000;

/**
 * The parent's own view of what its workers route by: it explains. Its route table is made when somebody asks, for that
 * is seldom, and of thousands of services it takes as much memory as a worker's.
 */
export class GatewayPicture {
  readonly propagation = new PropagationMeter();
  readonly #peers = new PeerAvailability();
  readonly #options: PictureOptions;
  #snapshot: RoutingSnapshot | undefined;
  #firstAtMs = Number.POSITIVE_INFINITY;
  #table: RouteTable<undefined> | undefined;
  #askedAtMs = 0;
  #findings: readonly EndpointFinding[] = [];

  constructor(options: PictureOptions) {
    this.#options = options;
    this.#peers.setFollowed(options.followed);
  }

  /** In force in the workers; undefined before the first one. */
  get snapshot(): RoutingSnapshot | undefined {
    return this.#snapshot;
  }

  /** Of the snapshot in force. */
  table(): RouteTable<undefined> | undefined {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return undefined;
    const { clock } = this.#options;
    this.#askedAtMs = clock.monotonic();
    if (this.#table?.snapshot !== snapshot) {
      this.#table = this.#compile(snapshot, this.#table, this.#peers);
      showFindings(this.#table, this.#findings, clock.now());
    }
    return this.#table;
  }

  /** @throws when a snapshot cannot be compiled. */
  check(snapshot: RoutingSnapshot): void {
    this.#compile(snapshot, undefined, new PeerAvailability());
  }

  /** The snapshot is in force in the workers since `nowMs` (Unix). */
  use(snapshot: RoutingSnapshot, nowMs: number): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    if (before === undefined) this.#firstAtMs = snapshot.createdAtMs;
    else this.propagation.observe(propagated(before, snapshot, nowMs));
    // Who is failing, and since when, must be known when somebody asks.
    this.#peers.snapshotChanged(snapshot.peers);
    if (this.#options.clock.monotonic() - this.#askedAtMs > ASKED_FOR_MS) this.#table = undefined;
  }

  /** A worker's trunk went or came back. */
  saw({ cluster, up, atMs }: TrunkSighting): void {
    if (up) this.#peers.peerAnswered(cluster, atMs);
    else this.#peers.peerLost(cluster, atMs);
  }

  /** What the checks and the workers found of the own endpoints, all of it, as of `nowMs` (Unix). */
  found(findings: readonly EndpointFinding[], nowMs: number): void {
    this.#findings = findings;
    if (this.#table !== undefined) showFindings(this.#table, findings, nowMs);
  }

  #compile(
    snapshot: RoutingSnapshot,
    previous: RouteTable<undefined> | undefined,
    peers: PeerAvailability,
  ): RouteTable<undefined> {
    const { random, sharedPorts } = this.#options;
    const runtime: RoutingRuntime<undefined> = {
      peers,
      troubled: new TroubledPools(),
      buckets: new BucketLedger(MAX_WORKER_RATE_BUCKETS),
      workers: 1,
      random,
      sharedPorts: new Set(sharedPorts),
      telemetry: () => undefined,
      usableSinceMs: (endpoint) => this.#usableSinceMs(endpoint),
    };
    return compileRouteTable(snapshot, previous, runtime, snapshot.createdAtMs);
  }

  /** As for workers, which see each snapshot: what was there with the first one is warm. */
  #usableSinceMs({ changedAtMs }: Endpoint): number {
    return changedAtMs > this.#firstAtMs ? changedAtMs : Number.NEGATIVE_INFINITY;
  }
}
