import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ExportFacts, exportConditions } from './export-conditions.ts';

const FACTS: ExportFacts = {
  service: { externalName: false, headless: false, tcpPorts: 1, otherPorts: [] },
  fault: undefined,
  network: undefined,
  progress: { kind: 'published' },
  disputes: [],
  wasReady: false,
};

function said(changes: Partial<ExportFacts>): Readonly<Record<string, string>> {
  const found = exportConditions({ ...FACTS, ...changes });
  return Object.fromEntries(found.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

function message(type: string, changes: Partial<ExportFacts>): string {
  return exportConditions({ ...FACTS, ...changes }).find((one) => one.type === type)?.message ?? '';
}

describe("an export's conditions", () => {
  it('are all good while others know it and agree', () => {
    assert.deepEqual(said({}), {
      Valid: 'True Valid',
      Ready: 'True Exported',
      Conflict: 'False NoConflicts',
    });
  });

  it('say what keeps a service from being exported', () => {
    const service = { externalName: false, headless: false, tcpPorts: 1, otherPorts: [] };
    const none = { Ready: 'False Failed', Conflict: 'False NoConflicts' };
    assert.deepEqual(said({ service: undefined }), { Valid: 'False NoService', ...none });
    assert.deepEqual(said({ service: { ...service, externalName: true } }), {
      Valid: 'False InvalidServiceType',
      ...none,
    });
    assert.match(message('Valid', { service: { ...service, externalName: true } }), /ExternalName/);
    assert.deepEqual(said({ service: { ...service, tcpPorts: 0 } }), {
      Valid: 'False InvalidServiceType',
      ...none,
    });
  });

  it('name the ports that gateways do not carry', () => {
    const service = { externalName: false, headless: false, tcpPorts: 1, otherPorts: ['dns (UDP 53)'] };
    assert.equal(said({ service }).Valid, 'True Valid');
    assert.match(message('Valid', { service }), /gateways do not carry: dns \(UDP 53\)$/);
  });

  it('of one that cannot be read as it is now tell that the earlier one holds', () => {
    const fault = 'spec.exportedLabels.team is not a value of a label';
    assert.deepEqual(said({ fault }), {
      Valid: 'False InvalidExport',
      Ready: 'True Exported',
      Conflict: 'False NoConflicts',
    });
    assert.equal(said({ fault, progress: { kind: 'unsaid' } }).Ready, 'False Failed');
    assert.match(message('Valid', { fault }), /^spec.exportedLabels.team is not a value/);
  });

  it('of a headless service tell who reaches its pods', () => {
    const service = { externalName: false, headless: true, tcpPorts: 1, otherPorts: [] };
    assert.match(message('Ready', { service }), /need a network that is flat/);
    assert.match(message('Ready', { service, network: 'lan' }), /those of network lan reach its pods/);
  });

  it('stay ready over a restart, until it is known otherwise', () => {
    assert.equal(said({ progress: { kind: 'pending' } }).Ready, 'False Pending');
    assert.equal(said({ progress: { kind: 'pending' }, wasReady: true }).Ready, 'True Exported');
    assert.equal(said({ progress: { kind: 'unsaid' }, wasReady: true }).Ready, 'False Pending');
  });

  it('name each reason of a conflict once, and who holds', () => {
    const dispute = { cluster: 'west', winner: 'east' };
    const disputes = [
      { ...dispute, reason: 'TypeConflict', message: 'type is Headless' },
      { ...dispute, reason: 'LabelsConflict', message: 'exportedLabels is {}' },
      { ...dispute, cluster: 'north', reason: 'LabelsConflict', message: 'exportedLabels is {a=b}' },
    ];
    assert.equal(said({ disputes }).Conflict, 'True LabelsConflict,TypeConflict');
    assert.equal(
      message('Conflict', { disputes }),
      'west (east holds): type is Headless; west (east holds): exportedLabels is {}; north (east holds): exportedLabels is {a=b}',
    );
  });
});
