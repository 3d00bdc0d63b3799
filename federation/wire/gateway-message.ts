import { create } from '@bufbuild/protobuf';
import type { RoutingSnapshot } from '../model/snapshot.ts';
import { BOUNDS } from './bounds.ts';
import { deltaFromWire } from './delta-message.ts';
import { plainText, safeInteger, WireError } from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import { type HealthReport, healthReportFromWire, healthReportToWire } from './health-report.ts';
import type { SnapshotDelta } from './snapshot-delta.ts';
import { snapshotFromWire } from './snapshot-message.ts';

/** What a gateway says on its streams, `hello` once and first; on a Report stream only that and `health`. */
export type GatewayStatement =
  | {
      readonly kind: 'hello';
      readonly gateway: string;
      readonly softwareVersion: string;
      /** Of the snapshot that it has; 0 and 0 for none. */
      readonly epoch: number;
      readonly version: number;
      readonly startedAtMs: number;
      /** Whether deltas may have `patchedServices`. */
      readonly takesPatches: boolean;
    }
  | { readonly kind: 'ack'; readonly epoch: number; readonly version: number }
  | { readonly kind: 'nack'; readonly epoch: number; readonly version: number; readonly reason: string }
  | { readonly kind: 'health'; readonly report: HealthReport };

/** What the federation service answers with. */
export type SnapshotStatement =
  | { readonly kind: 'snapshot'; readonly snapshot: RoutingSnapshot }
  | { readonly kind: 'delta'; readonly delta: SnapshotDelta };

export function gatewayStatementToWire(statement: GatewayStatement): wire.GatewayMessage {
  return create(wire.GatewayMessageSchema, { kind: statementKind(statement) });
}

/** @throws WireError naming the field that breaks the contract. */
export function gatewayStatementFromWire({ kind }: wire.GatewayMessage): GatewayStatement {
  switch (kind.case) {
    case 'hello':
      return helloFromWire(kind.value);
    case 'ack':
      return { kind: 'ack', ...versionFromWire(kind.value) };
    case 'nack': {
      // Free text for the log, which escapes it.
      const reason = kind.value.reason.slice(0, BOUNDS.reasonLength);
      return { kind: 'nack', ...versionFromWire(kind.value), reason };
    }
    case 'health':
      return { kind: 'health', report: healthReportFromWire(kind.value) };
    case undefined:
      throw new WireError('kind: the message is empty or of an unknown kind');
  }
}

function helloFromWire(hello: wire.Hello): GatewayStatement {
  if (hello.gateway === '') throw new WireError('hello.gateway: is empty');
  return {
    kind: 'hello',
    gateway: plainText('hello.gateway', hello.gateway, BOUNDS.gatewayNameLength),
    softwareVersion: plainText('hello.software_version', hello.softwareVersion, BOUNDS.gatewayNameLength),
    ...versionFromWire(hello),
    startedAtMs: safeInteger('hello.started_at_ms', hello.startedAtMs),
    takesPatches: hello.takesPatches,
  };
}

function versionFromWire(message: { readonly epoch: bigint; readonly snapshotVersion: bigint }) {
  return {
    epoch: safeInteger('epoch', message.epoch),
    version: safeInteger('snapshot_version', message.snapshotVersion),
  };
}

/** @throws WireError naming the field that breaks the contract. */
export function snapshotStatementFromWire(message: wire.FederationMessage): SnapshotStatement {
  const { kind } = message;
  switch (kind.case) {
    case 'snapshot':
      return { kind: 'snapshot', snapshot: snapshotFromWire(kind.value) };
    case 'delta':
      return { kind: 'delta', delta: deltaFromWire(kind.value) };
    case undefined:
      throw new WireError('kind: neither a snapshot nor a delta');
  }
}

export function issueRequestToWire(csrDer: Uint8Array, proof: string): wire.IssueRequest {
  return create(wire.IssueRequestSchema, { csrDer, proof });
}

export function issueResponseToWire(chainDer: readonly Uint8Array[]): wire.IssueResponse {
  return create(wire.IssueResponseSchema, { chainDer: [...chainDer] });
}

export function reportResponseToWire(): wire.ReportResponse {
  return create(wire.ReportResponseSchema);
}

export function enrolResponseToWire(response: Uint8Array): wire.EnrolResponse {
  return create(wire.EnrolResponseSchema, { response });
}

export function enrolRequestToWire(request: Uint8Array, remoteAddress: string): wire.EnrolRequest {
  return create(wire.EnrolRequestSchema, { request, remoteAddress });
}

function statementKind(statement: GatewayStatement): wire.GatewayMessage['kind'] {
  switch (statement.kind) {
    case 'hello': {
      const { gateway, softwareVersion, takesPatches } = statement;
      const hello = { ...versionFields(statement), gateway, softwareVersion, takesPatches };
      return {
        case: 'hello',
        value: create(wire.HelloSchema, { ...hello, startedAtMs: BigInt(statement.startedAtMs) }),
      };
    }
    case 'ack':
      return { case: 'ack', value: create(wire.AckSchema, versionFields(statement)) };
    case 'nack': {
      const reason = statement.reason.slice(0, BOUNDS.reasonLength);
      return { case: 'nack', value: create(wire.NackSchema, { ...versionFields(statement), reason }) };
    }
    case 'health':
      return { case: 'health', value: healthReportToWire(statement.report) };
  }
}

function versionFields(statement: { readonly epoch: number; readonly version: number }) {
  return { epoch: BigInt(statement.epoch), snapshotVersion: BigInt(statement.version) };
}
