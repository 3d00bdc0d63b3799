import { readTextFile } from '../../federation/config/yaml-file.ts';
import type { LocalCluster } from '../../federation/model/cluster.ts';
import { gatewayId } from '../../federation/model/identity.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { type Readable, Watchable } from '../../federation/runtime/watchable.ts';
import { WireError } from '../../federation/wire/field-checks.ts';
import type { HealthReport } from '../../federation/wire/health-report.ts';
import { snapshotFromJson, snapshotToBytes } from '../../federation/wire/snapshot-message.ts';
import { PemError } from '../../trust/pem.ts';
import { type Svid, svidFromPem } from '../../trust/svid.ts';
import { SvidError } from '../../trust/svid-error.ts';
import type { ControlConfig } from '../config.ts';
import type { ApplySnapshot, ControlPlane, ControlState } from './control-plane.ts';

/** Runs a gateway from files, without a federation service. */
export class StaticControl implements ControlPlane {
  readonly svid: Readable<Svid | undefined>;
  readonly state: Readable<ControlState> = new Watchable<ControlState>({ kind: 'static' });
  readonly #snapshot: RoutingSnapshot;

  private constructor(svid: Svid, snapshot: RoutingSnapshot) {
    this.svid = new Watchable<Svid | undefined>(svid);
    this.#snapshot = snapshot;
  }

  /** @throws UserError when a file cannot be read, or is not this gateway's. */
  static async load(
    config: ControlConfig & { kind: 'static' },
    local: LocalCluster,
    nowMs: number,
  ): Promise<StaticControl> {
    const [certificate, key, snapshot] = await Promise.all([
      readTextFile(config.certificateFile),
      readTextFile(config.keyFile),
      readTextFile(config.snapshotFile),
    ]);
    const svid = readSvid(config.certificateFile, certificate, key, nowMs);
    const expected = gatewayId(local.trustDomain).text;
    if (svid.id.text !== expected) {
      throw new UserError(`${config.certificateFile} is the SVID of ${svid.id.text}, not of ${expected}`, {
        hint: 'issue one for this gateway, or correct cluster and clusterset',
      });
    }
    return new StaticControl(svid, readSnapshot(config.snapshotFile, snapshot, local));
  }

  async start(apply: ApplySnapshot): Promise<void> {
    const snapshot = this.#snapshot;
    await apply({ snapshot, encoded: { kind: 'snapshot', bytes: snapshotToBytes(snapshot) } });
  }

  report(_report: HealthReport): void {
    // Nobody asks: without a federation service the gateway's own sight decides.
  }

  async enrol(_request: Uint8Array, _remoteAddress: string): Promise<Uint8Array> {
    throw new UserError('this gateway has no federation service that could enrol a cluster');
  }

  async close(): Promise<void> {
    // Nothing was opened.
  }
}

function readSvid(path: string, certificate: string, key: string, nowMs: number): Svid {
  try {
    return svidFromPem(certificate, key, nowMs);
  } catch (error) {
    if (!(error instanceof SvidError) && !(error instanceof PemError)) throw error;
    throw new UserError(`${path}: ${error.message}`, { hint: 'issue a new SVID', cause: error });
  }
}

function readSnapshot(path: string, text: string, local: LocalCluster): RoutingSnapshot {
  try {
    const snapshot = snapshotFromJson(text);
    if (snapshot.local.trustDomain === local.trustDomain) return snapshot;
    throw new UserError(`${path} is a snapshot for ${snapshot.local.trustDomain}, not ${local.trustDomain}`, {
      hint: 'correct cluster and clusterset, or name the right file',
    });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new UserError(`${path}: ${error.message}`, {
      hint: 'it must be a snapshot (isthmus.v1.Snapshot) as protobuf JSON',
      cause: error,
    });
  }
}
