import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { EndpointFinding } from '../../federation/wire/health-report.ts';
import { compileRouteTable, type RoutingRuntime } from '../routing/compile.ts';
import { PeerAvailability } from '../routing/peer-availability.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { showFindings } from '../routing/shown-findings.ts';
import { PropagationMeter, propagated } from '../telemetry/propagation.ts';
import type { TrunkSighting } from './peer-sights.ts';

/** The parent's own copy of what its workers route by: it refuses what cannot be compiled, and explains. */
export class GatewayPicture {
  readonly propagation = new PropagationMeter();
  readonly #peers = new PeerAvailability();
  readonly #random: () => number;
  #table: RouteTable<undefined> | undefined;

  constructor(options: { readonly random: () => number; readonly followed: boolean }) {
    this.#random = options.random;
    this.#peers.setFollowed(options.followed);
  }

  /** undefined before the first snapshot. */
  get table(): RouteTable<undefined> | undefined {
    return this.#table;
  }

  /** @throws when a snapshot cannot be compiled. */
  compile(snapshot: RoutingSnapshot, sharedPorts: ReadonlySet<number>): RouteTable<undefined> {
    const runtime: RoutingRuntime<undefined> = {
      peers: this.#peers,
      workers: 1,
      random: this.#random,
      sharedPorts,
      telemetry: () => undefined,
    };
    return compileRouteTable(snapshot, this.#table, runtime, snapshot.createdAtMs);
  }

  /** The table is in force in the workers since `nowMs` (Unix). */
  use(table: RouteTable<undefined>, nowMs: number): void {
    const before = this.#table?.snapshot;
    this.#table = table;
    if (before !== undefined) this.propagation.observe(propagated(before, table.snapshot, nowMs));
  }

  /** A worker's trunk went or came back. */
  saw({ cluster, up, atMs }: TrunkSighting): void {
    if (up) this.#peers.peerAnswered(cluster, atMs);
    else this.#peers.peerLost(cluster, atMs);
  }

  /** What the checks and the workers found of the own endpoints, as of `nowMs` (Unix). */
  found(findings: readonly EndpointFinding[], nowMs: number): void {
    if (this.#table !== undefined) showFindings(this.#table, findings, nowMs);
  }
}
