import type { TrustDomain } from '../../federation/model/identity.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import {
  decodeStatement,
  type EncodedStatement,
  encodedStatement,
} from '../../federation/wire/federation-message.ts';
import { WireError } from '../../federation/wire/field-checks.ts';
import { type GatewayStatement, gatewayStatementToWire } from '../../federation/wire/gateway-message.ts';
import type { HealthReport } from '../../federation/wire/health-report.ts';
import { applyDelta } from '../../federation/wire/snapshot-delta.ts';
import type { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import type { ApplySnapshot } from './control-plane.ts';
import type { FollowStream } from './federation-client.ts';

export interface FollowerOptions {
  readonly trustDomain: TrustDomain;
  readonly gateway: string;
  readonly softwareVersion: string;
  readonly startedAtMs: number;
  /** Keeps the services as they come. */
  readonly encoder: SnapshotEncoder;
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
  /** Nothing that the service says is missing in it. */
  #isWhole = true;
  #report: HealthReport | undefined;
  #stream: FollowStream | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /**
   * What is in force without having come from a stream: read from the disk.
   * @param isWhole false: another release wrote it, and left out what it did not know. It is no base for changes
   */
  begin(snapshot: RoutingSnapshot, isWhole: boolean): void {
    this.#current = snapshot;
    this.#isWhole = isWhole;
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
      for await (const message of stream as AsyncIterable<Uint8Array>) {
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
    const had = { epoch, version: this.#isWhole ? version : 0 };
    const hello = { gateway, softwareVersion, ...had, startedAtMs, takesPatches: true };
    this.#say({ kind: 'hello', ...hello });
    if (this.#report !== undefined) this.#say({ kind: 'health', report: this.#report });
  }

  async #take(message: Uint8Array): Promise<void> {
    let stated = { epoch: 0, version: 0 };
    try {
      const encoded = encodedStatement(message);
      stated = { epoch: encoded.epoch, version: encoded.version };
      const snapshot = this.#read(encoded);
      await this.#options.apply({ snapshot, encoded });
      this.#current = snapshot;
      this.#isWhole = true;
      this.#say({ kind: 'ack', ...stated });
      this.#options.applied(snapshot);
    } catch (error) {
      // Whatever is wrong with a snapshot, the one before it goes on: nothing a service sends stops a gateway.
      const reason = error instanceof Error ? error.message : String(error);
      this.#say({ kind: 'nack', ...stated, reason });
      this.#options.refused(`snapshot ${stated.epoch}/${stated.version}: ${reason}`);
    }
  }

  #read(encoded: EncodedStatement): RoutingSnapshot {
    const statement = decodeStatement(encoded, {
      before: this.#current?.services,
      read: (service, bytes) => this.#options.encoder.keep(service, bytes),
    });
    if (statement.kind === 'delta') {
      if (!this.#isWhole) throw new WireError('delta: what it would change was stored by another release');
      if (this.#current !== undefined) return applyDelta(this.#current, statement.delta);
      throw new WireError('delta: there is no snapshot that it could change');
    }
    const { snapshot } = statement;
    if (snapshot.local.trustDomain !== this.#options.trustDomain) {
      throw new WireError(`local: the snapshot is for ${snapshot.local.trustDomain}`);
    }
    if (snapshot.epoch === this.#current?.epoch && snapshot.version < this.#current.version) {
      throw new WireError('snapshot_version: it is older than the one in force');
    }
    return snapshot;
  }

  #say(statement: GatewayStatement): void {
    if (this.#stream?.writable === true) this.#stream.write(gatewayStatementToWire(statement));
  }
}
