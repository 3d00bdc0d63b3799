import type { TrustDomain } from '../../federation/model/identity.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { WireError } from '../../federation/wire/field-checks.ts';
import {
  type GatewayStatement,
  gatewayStatementToWire,
  snapshotStatementFromWire,
  statedVersion,
} from '../../federation/wire/gateway-message.ts';
import type { FederationMessage } from '../../federation/wire/gen/federation_pb.ts';
import type { HealthReport } from '../../federation/wire/health-report.ts';
import { applyDelta } from '../../federation/wire/snapshot-delta.ts';
import type { ApplySnapshot, SnapshotOffer } from './control-plane.ts';
import type { FollowStream } from './federation-client.ts';

export interface FollowerOptions {
  readonly trustDomain: TrustDomain;
  readonly gateway: string;
  readonly softwareVersion: string;
  readonly startedAtMs: number;
  readonly apply: ApplySnapshot;
  /** Told of each snapshot that was put in force. */
  readonly applied: (snapshot: RoutingSnapshot) => void;
  /** Told of each one that was refused, and why. */
  readonly refused: (reason: string) => void;
}

/** Speaks on Follow streams, one after another, and remembers between them which snapshot is in force. */
export class Follower {
  readonly #options: FollowerOptions;
  #current: RoutingSnapshot | undefined;
  #report: HealthReport | undefined;
  #stream: FollowStream | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** What is in force without having come from a stream: read from the disk. */
  begin(snapshot: RoutingSnapshot): void {
    this.#current = snapshot;
  }

  report(report: HealthReport): void {
    this.#report = report;
    this.#say({ kind: 'health', report });
  }

  /**
   * Follows one stream to its end. `heard` is told of each message.
   * @throws the stream's error (a gRPC status); returns when the service ended it.
   */
  async follow(stream: FollowStream, heard: () => void): Promise<void> {
    this.#stream = stream;
    try {
      this.#hello();
      for await (const message of stream as AsyncIterable<FederationMessage>) {
        heard();
        await this.#take(message);
      }
    } finally {
      if (this.#stream === stream) this.#stream = undefined;
    }
  }

  #hello(): void {
    const { gateway, softwareVersion, startedAtMs } = this.#options;
    const { epoch, version } = this.#current ?? { epoch: 0, version: 0 };
    this.#say({ kind: 'hello', gateway, softwareVersion, epoch, version, startedAtMs });
    if (this.#report !== undefined) this.#say({ kind: 'health', report: this.#report });
  }

  async #take(message: FederationMessage): Promise<void> {
    const stated = statedVersion(message);
    try {
      const offer = this.#offer(message);
      await this.#options.apply(offer);
      this.#current = offer.snapshot;
      this.#say({ kind: 'ack', ...stated });
      this.#options.applied(offer.snapshot);
    } catch (error) {
      // Whatever is wrong with a snapshot, the one before it goes on: nothing a service sends stops a gateway.
      const reason = error instanceof Error ? error.message : String(error);
      this.#say({ kind: 'nack', ...stated, reason });
      this.#options.refused(`snapshot ${stated.epoch}/${stated.version}: ${reason}`);
    }
  }

  #offer(message: FederationMessage): SnapshotOffer {
    const statement = snapshotStatementFromWire(message);
    if (statement.kind === 'delta') {
      const { delta } = statement;
      if (this.#current === undefined)
        throw new WireError('delta: there is no snapshot that it could change');
      return { snapshot: applyDelta(this.#current, delta), delta };
    }
    const { snapshot } = statement;
    if (snapshot.local.trustDomain !== this.#options.trustDomain) {
      throw new WireError(`local: the snapshot is for ${snapshot.local.trustDomain}`);
    }
    if (snapshot.epoch === this.#current?.epoch && snapshot.version < this.#current.version) {
      throw new WireError('snapshot_version: it is older than the one in force');
    }
    return { snapshot, delta: undefined };
  }

  #say(statement: GatewayStatement): void {
    if (this.#stream?.writable === true) this.#stream.write(gatewayStatementToWire(statement));
  }
}
