import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { Readable } from '../../federation/runtime/watchable.ts';
import type { EncodedStatement } from '../../federation/wire/federation-message.ts';
import type { HealthReport } from '../../federation/wire/health-report.ts';
import type { Svid } from '../../trust/svid.ts';

/** A snapshot to be put in force. */
export interface SnapshotOffer {
  readonly snapshot: RoutingSnapshot;
  /** How it came: whole, or as what leads to it from the one in force. Workers get it as it came. */
  readonly encoded: Pick<EncodedStatement, 'kind' | 'bytes'>;
}

/** Puts a snapshot in force in all workers, or rejects: then the one before stays. */
export type ApplySnapshot = (offer: SnapshotOffer) => Promise<void>;

/** How the connection to the federation service stands. */
export type ControlState =
  /** There is none to connect to: a static snapshot. */
  | { readonly kind: 'static' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'following'; readonly sinceMs: number }
  /** What is in force goes on; `reason` is for a person. */
  | { readonly kind: 'away'; readonly sinceMs: number; readonly reason: string };

/** Where a gateway gets its identity and its snapshots from. */
export interface ControlPlane {
  readonly svid: Readable<Svid | undefined>;
  readonly state: Readable<ControlState>;
  /**
   * Begins: what is on disk is offered first, if there is any.
   * @throws UserError for what a person must mend: an unreadable file, a wrong secret, another cluster's folder.
   */
  start(apply: ApplySnapshot): Promise<void>;
  /** What this gateway finds, complete; sent when it can be. */
  report(report: HealthReport): void;
  /** Relays a joining cluster's request. @throws UserError when it cannot be relayed. */
  enrol(request: Uint8Array, remoteAddress: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
