import type { ExportDispute, ExportProgress } from './clusterset-view.ts';
import type { WantedCondition } from './conditions.ts';

/** The Service that a ServiceExport offers. */
export interface ExportedService {
  readonly externalName: boolean;
  readonly headless: boolean;
  /** Gateways carry TCP only. */
  readonly tcpPorts: number;
  /** Its ports of other protocols, as people name them. */
  readonly otherPorts: readonly string[];
}

export interface ExportFacts {
  /** undefined = there is none of this name. */
  readonly service: ExportedService | undefined;
  /** What of the ServiceExport itself cannot be exported. */
  readonly fault: string | undefined;
  /** This cluster's. */
  readonly network: string | undefined;
  readonly progress: ExportProgress;
  readonly disputes: readonly ExportDispute[];
  /** Whether its status says `Ready` already: after a restart it is not known at once what the store has. */
  readonly wasReady: boolean;
}

/** What a ServiceExport's status says, in KEP-1645's terms. */
export function exportConditions(facts: ExportFacts): readonly WantedCondition[] {
  const valid = validity(facts);
  return [valid, readiness(facts, valid.status === 'True'), conflict(facts)];
}

function validity({ service, fault }: ExportFacts): WantedCondition {
  const no = (reason: string, message: string): WantedCondition => ({
    type: 'Valid',
    status: 'False',
    reason,
    message,
  });
  if (service === undefined) return no('NoService', 'there is no Service of this name in the namespace');
  if (service.externalName) {
    return no('InvalidServiceType', 'a Service of type ExternalName has no endpoints that could be exported');
  }
  if (service.tcpPorts === 0) {
    return no('InvalidServiceType', 'the Service has no TCP port, and the gateways carry nothing else');
  }
  if (fault !== undefined) return no('InvalidExport', `${fault}; what the export said before stays in force`);
  const others = service.otherPorts.join(', ');
  const message =
    others === ''
      ? 'the Service can be exported'
      : `the Service can be exported; gateways do not carry: ${others}`;
  return { type: 'Valid', status: 'True', reason: 'Valid', message };
}

function readiness(
  { service, fault, network, progress, wasReady }: ExportFacts,
  valid: boolean,
): WantedCondition {
  const said = (status: 'True' | 'False', reason: string, message: string): WantedCondition => ({
    type: 'Ready',
    status,
    reason,
    message,
  });
  if (fault !== undefined && progress.kind === 'published') {
    return said('True', 'Exported', 'other clusters know it as it was before');
  }
  if (!valid) return said('False', 'Failed', 'what is not valid is not exported');
  if (progress.kind === 'published' || (progress.kind === 'pending' && wasReady)) {
    return said(
      'True',
      'Exported',
      service?.headless === true ? headlessMessage(network) : 'other clusters know it',
    );
  }
  return said('False', 'Pending', 'it is not in the store yet');
}

function headlessMessage(network: string | undefined): string {
  return network === undefined
    ? 'other clusters know it; they reach a headless service by the HTTP port of their gateways only, for its own ' +
        'addresses need a network that is flat between clusters'
    : `other clusters know it; those of network ${network} reach its pods, the others the HTTP port of their gateways only`;
}

/** Told to every export of the service, as KEP-1645 recommends: any of the owners may be the one to act. */
function conflict({ disputes }: ExportFacts): WantedCondition {
  if (disputes.length === 0) {
    return {
      type: 'Conflict',
      status: 'False',
      reason: 'NoConflicts',
      message: 'the exports of all clusters agree',
    };
  }
  const reasons = new Set(disputes.map(({ reason }) => reason));
  const told = disputes.map(({ cluster, winner, message }) => `${cluster} (${winner} holds): ${message}`);
  return {
    type: 'Conflict',
    status: 'True',
    reason: [...reasons].sort().join(','),
    message: told.join('; '),
  };
}
