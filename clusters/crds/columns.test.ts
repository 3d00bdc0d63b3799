import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { kubeCall } from '../../test/fixtures/kube-call.ts';
import {
  type ClusterPeerStatus,
  type Condition,
  clusterPeerStatus,
  type PolicyStatus,
  policyStatus,
} from '../schema/status-schema.ts';
import { CRD_FOLDER } from './third-party.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const POLICIES = '/apis/isthmus.io/v1alpha1/namespaces/default/failoverpolicies';
const PEERS = '/apis/isthmus.io/v1alpha1/clusterpeers';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const POLL_MS = 50;
const NOW = '2026-01-31T12:00:00Z';

const withStatus = z.looseObject({ status: z.unknown().optional() });
const table = z.object({
  columnDefinitions: z.array(z.object({ name: z.string(), priority: z.number() })),
  rows: z.array(z.object({ cells: z.array(z.unknown()) })),
});

function condition(type: string, status: Condition['status']): Condition {
  return { type, status, reason: 'Known', message: '', observedGeneration: 1, lastTransitionTime: NOW };
}

function object(kind: string, name: string, spec: unknown): unknown {
  return { apiVersion: 'isthmus.io/v1alpha1', kind, metadata: { name }, spec };
}

describe('what kubectl get shows', { skip: missingKubeApiServer() }, () => {
  const suite = KubeApiServer.forSuite();
  let server: KubeApiServer;
  before(async () => {
    server = suite.server;
    for (const plural of ['failoverpolicies', 'clusterpeers']) {
      const file = join(import.meta.dirname, '..', '..', CRD_FOLDER, `${plural}.isthmus.io.yaml`);
      const made = await kubeCall(server, 'POST', CRDS, parse(readFileSync(file, 'utf8')));
      assert.equal(made.status, 201, made.message);
    }
  });

  /** Creates it, writes its status as whoever reconciles it does, and answers the status as it was kept. */
  async function make(collection: string, name: string, given: unknown, status: unknown): Promise<unknown> {
    let created = await kubeCall(server, 'POST', collection, given);
    // The API server serves a kind a moment after it took its definition.
    for (; created.status === 404; created = await kubeCall(server, 'POST', collection, given))
      await sleep(POLL_MS);
    assert.equal(created.status, 201, created.message);
    const body = { ...withStatus.parse(created.body), status };
    const path = `${collection}/${name}/status?fieldValidation=Strict`;
    const written = await kubeCall(server, 'PUT', path, body);
    assert.equal(written.status, 200, written.message);
    return withStatus.parse(written.body).status;
  }

  async function shown(collection: string): Promise<Record<string, unknown>> {
    const { body } = await kubeCall(server, 'GET', collection, undefined, TABLE);
    const { columnDefinitions, rows } = table.parse(body);
    return Object.fromEntries(columnDefinitions.map(({ name }, index) => [name, rows[0]?.cells[index]]));
  }

  it('of a policy: its first target, and whether it is in force there', async () => {
    const target = { group: '', kind: 'Service', name: 'cart' };
    const status: PolicyStatus = {
      ancestors: [
        {
          ancestorRef: target,
          controllerName: 'isthmus.io/federation',
          conditions: [condition('Accepted', 'False')],
        },
      ],
    };
    const kept = await make(POLICIES, 'p', object('FailoverPolicy', 'p', { targetRefs: [target] }), status);
    assert.deepEqual(policyStatus.parse(kept), status);
    const { Age, ...columns } = await shown(POLICIES);
    assert.equal(typeof Age, 'string');
    assert.deepEqual(columns, { Name: 'p', Target: 'cart', Accepted: 'False', Reason: 'Known' });
  });

  it('of a peer: who it is, and each of its conditions', async () => {
    const status: ClusterPeerStatus = {
      observedGeneration: 1,
      conditions: [
        condition('Connected', 'True'),
        condition('Trusted', 'True'),
        condition('Synced', 'Unknown'),
      ],
      lastSeen: NOW,
      ageSeconds: 2,
      roundTripMs: 12.5,
      gateways: ['gateway.west.example:15443'],
      services: 3,
      bundleSequence: 7,
      drainedPercent: 40,
      drain: 'draining 40 %',
    };
    const kept = await make(
      PEERS,
      'west',
      object('ClusterPeer', 'west', { trustDomain: 'west.mesh.example' }),
      status,
    );
    assert.deepEqual(clusterPeerStatus.parse(kept), status);
    const { Age, 'Last seen': seen, ...columns } = await shown(PEERS);
    assert.ok(typeof Age === 'string' && typeof seen === 'string');
    assert.deepEqual(columns, {
      Name: 'west',
      'Trust domain': 'west.mesh.example',
      Connected: 'True',
      Trusted: 'True',
      Synced: 'Unknown',
      Drain: 'draining 40 %',
      'Round trip ms': 12.5,
      Services: 3,
    });
  });
});
