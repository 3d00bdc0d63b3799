import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Message, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { offerOf, serviceOf, snapshotOf } from '../../test/fixtures/routing-snapshot.ts';
import { anySnapshot } from '../../test/fixtures/snapshot-arbitrary.ts';
import { deltaFromBytes, deltaToWire } from './delta-message.ts';
import { FIRST_RESTRICTION, WireError } from './field-checks.ts';
import * as wire from './gen/federation_pb.ts';
import { diffSnapshots } from './snapshot-delta.ts';
import { snapshotFromBytes, snapshotToWire } from './snapshot-message.ts';

/** A message and all those in it. */
function* messagesIn(value: unknown): Iterable<Message> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if ('$typeName' in value) yield value as Message;
  for (const inner of Object.values(value)) yield* messagesIn(inner);
}

/** What a newer release says: a field beside those that we know, with the number 1. */
function saysMore(message: Message, no: number): void {
  message.$unknown = [{ no, wireType: 0, data: new Uint8Array([1]) }];
}

function samples(): ReturnType<typeof snapshotToWire>[] {
  return fc.sample(anySnapshot, { numRuns: 40, seed: 7 }).map(snapshotToWire);
}

const bytesOf = (message: wire.Snapshot): Uint8Array => toBinary(wire.SnapshotSchema, message);

/** What a service says in one of its documents, as a newer release would. */
function serviceSaying(documents: Partial<wire.Service>): Uint8Array {
  const message = snapshotToWire(snapshotOf([serviceOf({ offers: [offerOf('east', 1)] })], []));
  const [service] = message.services;
  assert.ok(service !== undefined);
  Object.assign(service, documents);
  return bytesOf(message);
}

const FAILOVER = {
  ...{ name: 'p', namespace: 'shop', targets: [], overprovisioningFactor: 1.4, panicThresholdPercent: 50 },
  tiers: [{ selector: { kind: 'any', wish: 1 }, wish: 1 }],
  staleAfterMs: 300_000,
  failback: { holdDownMs: 1, minHealthyPercent: 70, steps: [100], intervalMs: 1, wish: 1 },
  outlier: {
    ...{
      consecutiveFailures: 5,
      sweepIntervalMs: 1,
      baseEjectionMs: 1,
      maxEjectionMs: 1,
      maxEjectionPercent: 10,
    },
    wish: 1,
  },
  healthCheck: {
    check: { kind: 'tcp', wish: 1 },
    ...{ intervalMs: 1, timeoutMs: 1, unhealthyThreshold: 1, healthyThreshold: 1, wish: 1 },
  },
  wish: 1,
};
const TRAFFIC = {
  ...{ name: 'p', namespace: 'shop', targets: [], wish: 1 },
  loadBalancing: {
    kind: 'random',
    wish: 1,
    slowStart: { windowMs: 1, minWeightPercent: 10, aggression: 1, wish: 1 },
  },
  connectionPool: { maxRequests: 5, wish: 1 },
  timeouts: { requestMs: 100, wish: 1 },
};

describe('a snapshot of a newer federation service', () => {
  it('is taken without the fields that are not known, in each of its messages', () => {
    const seen = new Set<string>();
    for (const message of samples()) {
      const before = snapshotFromBytes(bytesOf(message));
      for (const inner of messagesIn(message)) {
        seen.add(inner.$typeName);
        saysMore(inner, FIRST_RESTRICTION - 1);
      }
      assert.deepEqual(snapshotFromBytes(bytesOf(message)), before);
    }
    const inside = ['CallerGroup', 'Drain', 'Endpoint', 'GatewayAddress', 'LocalCluster', 'Locality'];
    const all = [
      ...inside,
      'LocalityHosts',
      'Offer',
      'Peer',
      'PeerHealth',
      'Port',
      'Service',
      'Snapshot',
      'TrustBundle',
    ];
    assert.deepEqual(
      [...seen].sort(),
      all.map((name) => `isthmus.v1.${name}`),
    );
  });

  it('is refused for a restriction that is not known, in whichever of its messages', () => {
    const [message] = samples().toSorted((a, b) => [...messagesIn(b)].length - [...messagesIn(a)].length);
    assert.ok(message !== undefined);
    for (const inner of messagesIn(message)) {
      saysMore(inner, FIRST_RESTRICTION);
      assert.throws(
        () => snapshotFromBytes(bytesOf(message)),
        /field 1000 is a restriction of a newer release; upgrade/,
      );
      delete inner.$unknown;
    }
  });

  it('is refused as a delta too', () => {
    const base = snapshotOf([serviceOf({ offers: [offerOf('east', 1)] })], []);
    const next = { ...base, version: base.version + 1, services: new Map() };
    const delta = diffSnapshots(base, next);
    assert.ok(delta !== undefined);
    const message = deltaToWire(delta);
    saysMore(message, FIRST_RESTRICTION - 1);
    assert.deepEqual(deltaFromBytes(toBinary(wire.SnapshotDeltaSchema, message)), delta);
    saysMore(message, FIRST_RESTRICTION);
    assert.throws(() => deltaFromBytes(toBinary(wire.SnapshotDeltaSchema, message)), WireError);
  });

  it('is taken without what policies say beside what we know, where that restricts nothing', () => {
    const bytes = serviceSaying({
      failoverJson: JSON.stringify(FAILOVER),
      trafficJson: JSON.stringify(TRAFFIC),
    });
    const [service] = snapshotFromBytes(bytes).services.values();
    assert.ok(!JSON.stringify(service).includes('wish'));
    assert.equal(service?.traffic.timeouts?.requestMs, 100);
    assert.equal(service.failover.tiers[0]?.selector.kind, 'any');
  });

  const rule = { action: 'allow', principals: [], sourceClusters: [], methods: [], pathPrefixes: [] };
  const limit = { per: 'gateway', requests: 1, intervalMs: 1000, burst: 1 };
  const route = { kind: 'HTTPRoute', namespace: 'shop', name: 'r', rules: [] };
  for (const [what, documents] of [
    ['an access rule', { accessJson: JSON.stringify([{ ...rule, hours: 'night' }]) }],
    ['a route', { routesJson: JSON.stringify([{ ...route, audience: 'x' }]) }],
    [
      'TLS to pods',
      { trafficJson: JSON.stringify({ ...TRAFFIC, upstreamTls: { mode: 'simple', pin: 'x' } }) },
    ],
    ['a rate limit', { trafficJson: JSON.stringify({ ...TRAFFIC, rateLimits: [{ ...limit, key: 'x' }] }) }],
  ] as const) {
    it(`is refused for ${what} with something that is not known, for that may restrict`, () => {
      assert.throws(
        () => snapshotFromBytes(serviceSaying(documents)),
        /field "(hours|audience|pin|key)" is unknown/,
      );
    });
  }
});
