import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  EU_A,
  EU_B,
  endpointAt,
  offerOf,
  serviceOf,
  snapshotOf,
} from '../../test/fixtures/routing-snapshot.ts';
import { anyService, anySnapshot } from '../../test/fixtures/snapshot-arbitrary.ts';
import type { Endpoint } from '../model/endpoint.ts';
import {
  type RoutingSnapshot,
  type ServiceOffer,
  type SnapshotService,
  snapshotKey,
} from '../model/snapshot.ts';
import { deltaFromBytes, deltaToBytes } from './delta-message.ts';
import { WireError } from './field-checks.ts';
import { snapshotStatementFromWire } from './gateway-message.ts';
import * as wire from './gen/federation_pb.ts';
import { FEDERATION_SERVICE } from './grpc-services.ts';
import { patchMessage } from './patch-fields.ts';
import { serviceFromWire, serviceToWire } from './service-fields.ts';
import { type ServicePatch, servicePatch } from './service-patch.ts';
import { applyDelta, diffSnapshots, type SnapshotDelta } from './snapshot-delta.ts';
import { SnapshotEncoder } from './snapshot-encoder.ts';
import { snapshotFromBytes } from './snapshot-message.ts';

const RUNS = { numRuns: 300 };
const PLACES = [0, 1, 2, 3, 4, 5, 6, 7];

/** Takes out, puts in, replaces or moves one item of a list. */
type Edit = (list: readonly Endpoint[]) => readonly Endpoint[];

const anyEdit: fc.Arbitrary<Edit> = fc
  .tuple(fc.constantFrom('remove', 'insert', 'replace', 'move'), fc.nat(30), fc.nat(30), anyService)
  .map(([kind, one, other, { endpoints }]): Edit => {
    const fresh = endpoints.map((endpoint) => ({ ...endpoint }));
    return (list) => {
      const at = list.length === 0 ? 0 : one % list.length;
      if (kind === 'insert') return list.toSpliced(at, 0, ...fresh);
      if (kind === 'move') return list.toSpliced(at, 1).toSpliced(other, 0, ...list.slice(at, at + 1));
      return list.toSpliced(at, 1, ...(kind === 'remove' ? [] : fresh.slice(0, 1)));
    };
  });

/** A service, and what became of it: what stays of its endpoints are the same objects, as the builder makes them. */
const anyChange = fc
  .tuple(
    anyService,
    anyService,
    fc.array(anyEdit, { maxLength: 6 }),
    fc.constantFrom('endpoints', 'offers', 'all'),
  )
  .map(([first, other, edits, kind]): readonly [SnapshotService, SnapshotService] => {
    const before = {
      ...first,
      endpoints: [...first.endpoints, ...PLACES.map((n) => endpointAt(`10.1.0.${n}`))],
    };
    const endpoints = edits.reduce((list, edit) => edit(list), before.endpoints as readonly Endpoint[]);
    const offers = before.offers.map((offer, index): ServiceOffer => {
      const { cluster } = offer;
      return index % 2 === 0 && other.offers[0] !== undefined ? { ...other.offers[0], cluster } : offer;
    });
    if (kind === 'endpoints') return [before, { ...before, endpoints }];
    if (kind === 'offers') return [before, { ...before, endpoints, offers }];
    return [before, { ...other, service: before.service, endpoints, offers }];
  });

/** What makes the one into the other. */
function delta(base: RoutingSnapshot, next: RoutingSnapshot): SnapshotDelta {
  return diffSnapshots(base, next, true) ?? assert.fail();
}

function withService(base: RoutingSnapshot, service: SnapshotService): RoutingSnapshot {
  const services = new Map(base.services).set(snapshotKey(service), service);
  return { ...base, version: base.version + 1, services };
}

const PAYMENTS = serviceOf({
  offers: [offerOf('east', 3), offerOf('west', 2)],
  endpoints: [1, 2, 3].map((host) => endpointAt(`10.0.0.${host}`, { locality: EU_A })),
});
const BASE = snapshotOf([PAYMENTS], []);

describe('a patch of a service', () => {
  it('makes what there was into what there is, also over the wire', () => {
    const encoder = new SnapshotEncoder();
    fc.assert(
      fc.property(anySnapshot, anyChange, (made, [before, after]) => {
        const base = withService(made, before);
        const next = withService(base, after);
        const patches = delta(base, next);
        assert.deepEqual(applyDelta(base, patches), next);
        assert.deepEqual(applyDelta(base, deltaFromBytes(deltaToBytes(patches))), next);
        const message = FEDERATION_SERVICE.follow.responseDeserialize(encoder.deltaMessage(patches));
        assert.deepEqual(snapshotStatementFromWire(message), { kind: 'delta', delta: patches });
      }),
      RUNS,
    );
  });

  it('leaves a gateway after many of them where a full snapshot brings another', () => {
    const encoder = new SnapshotEncoder();
    fc.assert(
      fc.property(anySnapshot, fc.array(anyChange, { minLength: 2, maxLength: 6 }), (made, changes) => {
        let sent = made;
        let taken = snapshotFromBytes(encoder.snapshot(made));
        for (const [before, after] of changes) {
          for (const service of [before, after]) {
            const next = withService(sent, service);
            taken = applyDelta(taken, deltaFromBytes(deltaToBytes(delta(sent, next))));
            sent = next;
          }
        }
        assert.deepEqual(taken, snapshotFromBytes(encoder.snapshot(sent)));
      }),
      RUNS,
    );
  });

  it('names the one endpoint and the offer that changed, and leaves the rest the same objects', () => {
    const unready = endpointAt('10.0.0.2', { locality: EU_A, state: 'unready' });
    const east = offerOf('east', 3, { healthy: 2 });
    const after = {
      ...PAYMENTS,
      offers: PAYMENTS.offers.with(0, east),
      endpoints: PAYMENTS.endpoints.with(1, unready),
    };
    const patches = delta(BASE, withService(BASE, after));
    assert.deepEqual(patches.changedServices, []);
    assert.deepEqual(patches.patchedServices, [
      {
        service: PAYMENTS.service,
        offers: [east],
        removedEndpoints: [1],
        addedEndpoints: [{ place: 1, endpoint: unready }],
        endpointCount: 3,
      },
    ]);
    const patched = applyDelta(BASE, patches).services.get('shop/payments');
    assert.equal(patched?.endpoints[0], PAYMENTS.endpoints[0]);
    assert.equal(patched?.endpoints[2], PAYMENTS.endpoints[2]);
    assert.equal(patched?.offers[1], PAYMENTS.offers[1]);
    assert.equal(patched?.failover, PAYMENTS.failover);
  });

  it('is not made where more than offers and endpoints changed, or too many of them', () => {
    const many = Array.from({ length: 33 }, (_, host) => endpointAt(`10.0.1.${host}`));
    const others: readonly SnapshotService[] = [
      { ...PAYMENTS, type: 'Headless' },
      { ...PAYMENTS, ports: [] },
      { ...PAYMENTS, backendOnly: true },
      { ...PAYMENTS, routes: [] },
      { ...PAYMENTS, offers: [offerOf('east', 3)] },
      { ...PAYMENTS, offers: [offerOf('east', 3), offerOf('south', 2)] },
      { ...PAYMENTS, failover: { ...PAYMENTS.failover, staleAfterMs: 1 } },
      { ...PAYMENTS, traffic: { ...PAYMENTS.traffic, timeouts: {} } as SnapshotService['traffic'] },
      { ...PAYMENTS, endpoints: many },
    ];
    for (const other of others) assert.equal(servicePatch(PAYMENTS, other), undefined);
    assert.ok(servicePatch(PAYMENTS, { ...PAYMENTS, endpoints: many.slice(1) }));
  });

  it('is not made for a gateway that does not take any', () => {
    const endpoints = PAYMENTS.endpoints.with(0, endpointAt('10.0.0.1', { locality: EU_B }));
    const after = { ...PAYMENTS, endpoints };
    const whole = diffSnapshots(BASE, withService(BASE, after));
    assert.deepEqual([whole?.changedServices, whole?.patchedServices], [[after], []]);
  });
});

describe('a patch that does not fit', () => {
  const sound: ServicePatch = {
    service: PAYMENTS.service,
    offers: [],
    removedEndpoints: [1],
    addedEndpoints: [{ place: 1, endpoint: endpointAt('10.0.0.9') }],
    endpointCount: 3,
  };
  const apply = (patch: ServicePatch): unknown =>
    applyDelta(BASE, { ...delta(BASE, BASE), patchedServices: [patch] });

  it('is refused', () => {
    const added = sound.addedEndpoints;
    const broken: readonly (readonly [RegExp, Partial<ServicePatch>])[] = [
      [/^patched_services."shop\/none": is missing/, { service: { namespace: 'shop', name: 'none' } }],
      [/"shop\/payments".offers: there is none of south/, { offers: [offerOf('south', 1)] }],
      [/endpoints: the changes do not fit the 3 that/, { endpointCount: 4 }],
      [/endpoints: the changes do not fit/, { removedEndpoints: [], addedEndpoints: [], endpointCount: 2 }],
      [/endpoints: the changes do not fit/, { removedEndpoints: [3] }],
      [/endpoints: the changes do not fit/, { removedEndpoints: [1, 0], endpointCount: 2 }],
      [/endpoints: the changes do not fit/, { removedEndpoints: [1, 1], endpointCount: 2 }],
      [
        /endpoints: the changes do not fit/,
        { addedEndpoints: [{ place: 5, endpoint: endpointAt('10.0.0.9') }] },
      ],
      [/endpoints: the changes do not fit/, { addedEndpoints: [...added, ...added], endpointCount: 4 }],
    ];
    assert.doesNotThrow(() => apply(sound));
    for (const [message, changes] of broken) {
      assert.throws(() => apply({ ...sound, ...changes }), { name: 'WireError', message });
    }
  });

  it('is refused by its fields', () => {
    const read = (change: (message: wire.ServicePatch) => void): unknown => {
      const message = fromBinary(wire.ServicePatchSchema, patchMessage(sound));
      change(message);
      const whole = create(wire.SnapshotDeltaSchema, { patchedServices: [message] });
      return deltaFromBytes(toBinary(wire.SnapshotDeltaSchema, whole));
    };
    assert.doesNotThrow(() => read(() => undefined));
    const broken: readonly (readonly [RegExp, (message: wire.ServicePatch) => void])[] = [
      [/^patched_services\[0\]\.name: /, (m) => (m.name = 'a b')],
      [/added_endpoints\[0\]\.endpoint: is missing/, (m) => delete m.addedEndpoints[0]?.endpoint],
      [/endpoint_count: 20001 is not in/, (m) => (m.endpointCount = 20_001)],
      [
        /added_endpoints\[0\].*address/,
        (m) => {
          for (const { endpoint } of m.addedEndpoints) if (endpoint !== undefined) endpoint.address = '';
        },
      ],
    ];
    for (const [message, change] of broken) assert.throws(() => read(change), { name: 'WireError', message });
    const twice = create(wire.SnapshotDeltaSchema, {
      patchedServices: [1, 2].map(() => fromBinary(wire.ServicePatchSchema, patchMessage(sound))),
    });
    assert.throws(() => deltaFromBytes(toBinary(wire.SnapshotDeltaSchema, twice)), WireError);
  });
});

describe('an offer that is written by hand', () => {
  it('says what the generated code writes', () => {
    fc.assert(
      fc.property(anyService, (service) => {
        const [, read] = serviceFromWire(
          fromBinary(
            wire.ServiceSchema,
            toBinary(wire.ServiceSchema, create(wire.ServiceSchema, serviceToWire(service))),
          ),
        );
        const patch = { ...noChange(service), offers: service.offers };
        const written = fromBinary(wire.ServicePatchSchema, patchMessage(patch));
        const generated = create(wire.ServiceSchema, serviceToWire(service));
        assert.deepEqual(written.offers, generated.offers);
        assert.deepEqual(read.offers, service.offers);
      }),
      RUNS,
    );
  });
});

function noChange({ service, endpoints }: SnapshotService): ServicePatch {
  return { service, offers: [], removedEndpoints: [], addedEndpoints: [], endpointCount: endpoints.length };
}
