import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EU_A, endpointAt, offerOf, portOf, serviceOf } from '../../test/fixtures/routing-snapshot.ts';
import { anyService, anySnapshot } from '../../test/fixtures/snapshot-arbitrary.ts';
import { serviceKey } from '../model/service.ts';
import type { RoutingSnapshot } from '../model/snapshot.ts';
import { deltaFromBytes, deltaToBytes } from './delta-message.ts';
import { present, WireError } from './field-checks.ts';
import {
  gatewayStatementFromWire,
  gatewayStatementToWire,
  snapshotStatementFromWire,
} from './gateway-message.ts';
import type * as wire from './gen/federation_pb.ts';
import { ENCODED_FOLLOW, FEDERATION_SERVICE } from './grpc-services.ts';
import { healthReportFromWire, healthReportToWire } from './health-report.ts';
import { applyDelta, diffSnapshots } from './snapshot-delta.ts';
import { SnapshotEncoder } from './snapshot-encoder.ts';
import {
  snapshotFromBytes,
  snapshotFromJson,
  snapshotFromWire,
  snapshotToBytes,
  snapshotToJson,
  snapshotToWire,
} from './snapshot-message.ts';
import { trafficPolicyFromJson } from './traffic-policy-json.ts';

const RUNS = { numRuns: 200 };
const DRAIN = { kind: 'draining', sinceMs: 1_700_000_000_000, overMs: 60_000, fromPercent: 100 } as const;

const PAYMENTS = serviceOf({
  ports: [portOf('http', 80, 'http', 15_500), portOf('grpc', 81, 'http2')],
  offers: [offerOf('east', 2), offerOf('west', 3)],
  endpoints: [endpointAt('10.0.0.1', { locality: EU_A })],
});

/** `next` as the builder makes it: what is equal in `base` is the very same object. */
function sharing(base: RoutingSnapshot, next: RoutingSnapshot, kept: readonly string[]): RoutingSnapshot {
  const services = new Map(next.services);
  for (const key of kept) {
    const service = base.services.get(key);
    if (service !== undefined) services.set(key, service);
  }
  return { ...next, version: base.version + 1, local: base.local, services };
}

describe('a snapshot on the wire', () => {
  it('comes back as it was, as bytes, as JSON and by the encoder', () => {
    const encoder = new SnapshotEncoder();
    fc.assert(
      fc.property(anySnapshot, (snapshot) => {
        assert.deepEqual(snapshotFromBytes(snapshotToBytes(snapshot)), snapshot);
        assert.deepEqual(snapshotFromJson(snapshotToJson(snapshot)), snapshot);
        assert.deepEqual(snapshotFromBytes(encoder.snapshot(snapshot)), snapshot);
        const message = FEDERATION_SERVICE.follow.responseDeserialize(
          ENCODED_FOLLOW.responseSerialize(encoder.snapshotMessage(snapshot)),
        );
        assert.deepEqual(snapshotStatementFromWire(message), { kind: 'snapshot', snapshot });
      }),
      RUNS,
    );
  });

  it('does not keep the received bytes alive through its roots', () => {
    const [snapshot] = fc.sample(
      anySnapshot.filter(({ trustBundles }) => [...trustBundles.values()].flat().length > 0),
      1,
    );
    assert.ok(snapshot);
    const bytes = Buffer.from(snapshotToBytes(snapshot));
    const read = snapshotFromBytes(bytes);
    for (const root of [...read.trustBundles.values()].flat()) assert.notEqual(root.buffer, bytes.buffer);
  });

  it('is refused when bytes or text are no message at all', () => {
    assert.throws(() => snapshotFromBytes(new Uint8Array([0xff, 0xff])), WireError);
    assert.throws(() => snapshotFromJson('{"epoch": "x"}'), WireError);
    assert.throws(() => snapshotFromJson('{"unknown": 1}'), WireError);
  });
});

describe('a snapshot that breaks the contract', () => {
  const [sound] = fc.sample(
    anySnapshot.filter(({ peers, services }) => peers.size > 1 && services.size > 0),
    { numRuns: 1, seed: 7 },
  );
  assert.ok(sound);
  const rich: RoutingSnapshot = { ...sound, services: new Map([['shop/payments', PAYMENTS]]) };
  const whole = (): wire.Snapshot => snapshotToWire(rich);
  const first = <T>(items: readonly T[]): T => {
    const [item] = items;
    assert.ok(item !== undefined);
    return item;
  };
  const service = (message: wire.Snapshot): wire.Service => first(message.services);

  const breaches: readonly (readonly [string, RegExp, (message: wire.Snapshot) => void])[] = [
    ['an epoch beyond 2^53', /^epoch: .* too large/, (m) => (m.epoch = 2n ** 60n)],
    ['no local cluster', /^local: is missing/, (m) => (m.local = undefined)],
    [
      "another cluster's trust domain",
      /^local\.trust_domain: .* is not that of/,
      (m) => (present('local', m.local).trustDomain = 'west.mesh.example'),
    ],
    ['a peer twice', /^peers: .* is there twice/, (m) => m.peers.push(first(m.peers))],
    ['a peer of no name', /^peers\[0\]\.cluster: .* RFC 1123/, (m) => (first(m.peers).cluster = '')],
    [
      'an unknown reach',
      /^peers\[0\]\.reach: 9 is unknown/,
      (m) => (first(m.peers).reach = 9 as wire.Peer_Reach),
    ],
    ['a peer without health', /^peers\[0\]\.health: is missing/, (m) => (first(m.peers).health = undefined)],
    ['a bad trust domain', /^peers\[0\]\.trust_domain/, (m) => (first(m.peers).trustDomain = 'West')],
    [
      'a drain of 25 h',
      /^drain\.over_ms: 90000000 is not in/,
      (m) => (m.drain = snapshotToWire({ ...rich, drain: { ...DRAIN, overMs: 90_000_000 } }).drain),
    ],
    [
      'a drain from more than all',
      /^peers\[0\]\.announced_drain\.from_percent: 101 is not in/,
      (m) =>
        (first(m.peers).announcedDrain = snapshotToWire({
          ...rich,
          drain: { ...DRAIN, fromPercent: 101 },
        }).drain),
    ],
    ['a service twice', /^services: .* is there twice/, (m) => m.services.push(service(m))],
    ['a namespace with a slash', /^services\[0\]\.namespace/, (m) => (service(m).namespace = 'a/b')],
    [
      'a port twice',
      /^services\[0\]\.ports: .* twice/,
      (m) => service(m).ports.push(first(service(m).ports)),
    ],
    ['port 0', /^services\[0\]\.ports\[0\]\.port: 0 is not in/, (m) => (first(service(m).ports).port = 0)],
    [
      'a listen port out of range',
      /listen_port: 70000 is not in/,
      (m) => (first(service(m).ports).listenPort = 70_000),
    ],
    [
      'more hosts by state than there are',
      /^services\[0\]\.offers\[0\]\.localities\[0\]\.hosts/,
      (m) => (first(first(service(m).offers).localities).hosts = 0),
    ],
    [
      'an endpoint at no address',
      /^services\[0\]\.endpoints\[0\]\.address/,
      (m) => (first(service(m).endpoints).address = 'a b'),
    ],
    [
      'an endpoint port of a hostile name',
      /^services\[0\]\.endpoints\[0\]\.ports/,
      (m) => (first(service(m).endpoints).ports = { constructor_: 1 }),
    ],
    [
      'an endpoint that weighs nothing',
      /^services\[0\]\.endpoints\[0\]\.weight: 0 is not in 1/,
      (m) => (first(service(m).endpoints).weight = 0),
    ],
    [
      'a traffic policy that is no object',
      /traffic_json: is not an object/,
      (m) => (service(m).trafficJson = '[]'),
    ],
    ['a policy that is no JSON', /failover_json: is not JSON/, (m) => (service(m).failoverJson = '{')],
    ['rules that are no list', /access_json: is not a list/, (m) => (service(m).accessJson = '{}')],
    [
      'a rule with an unknown field',
      /access_json\[0\]: field "x" is unknown/,
      (m) => (service(m).accessJson = '[{"x":1}]'),
    ],
    [
      'an empty root',
      /^trust_bundles\[0\]\.roots_der\[0\]: a root of 0 bytes/,
      (m) => (first(m.trustBundles).rootsDer = [new Uint8Array()]),
    ],
    [
      'control characters',
      /^peers\[0\]\.locality\.zone: has control/,
      (m) => (first(m.peers).locality = { ...locality(), zone: 'a\n' }),
    ],
  ];
  const locality = (): wire.Locality => ({ $typeName: 'isthmus.v1.Locality', region: 'eu', zone: 'a' });

  for (const [what, message, breach] of breaches) {
    it(`is refused: ${what}`, () => {
      const broken = whole();
      assert.doesNotThrow(() => snapshotFromWire(broken));
      breach(broken);
      assert.throws(() => snapshotFromWire(broken), { name: 'WireError', message });
    });
  }

  for (const [field, value] of [
    ['steps', [50, 10, 100]],
    ['steps', [10, 50]],
    ['holdDownMs', -1],
    ['minHealthyPercent', '70'],
  ] as const) {
    it(`is refused: a failback policy with ${field} ${JSON.stringify(value)}`, () => {
      const broken = whole();
      const policy = {
        name: 'p',
        namespace: 'shop',
        targets: [],
        tiers: [],
        overprovisioningFactor: 1.4,
        panicThresholdPercent: 50,
        staleAfterMs: 1,
        failback: { holdDownMs: 1, minHealthyPercent: 70, steps: [100], intervalMs: 1, [field]: value },
        outlier: {
          consecutiveFailures: 5,
          sweepIntervalMs: 1,
          baseEjectionMs: 1,
          maxEjectionMs: 1,
          maxEjectionPercent: 1,
        },
      };
      service(broken).failoverJson = JSON.stringify(policy);
      assert.throws(() => snapshotFromWire(broken), {
        name: 'WireError',
        message: new RegExp(`failover_json\\.failback\\.${field}`),
      });
    });
  }
});

describe('a traffic policy that breaks the contract', () => {
  const hashOn = { kind: 'source-address' };
  for (const [loadBalancing, problem] of [
    [{ kind: 'fastest' }, /^traffic_json\.loadBalancing\.kind: is none of/],
    [{ kind: 'maglev', tableSize: 65_537 }, /^traffic_json\.loadBalancing\.hashOn: is not an object/],
    [{ kind: 'maglev', hashOn, tableSize: 65_536 }, /loadBalancing\.tableSize: 65536 is not a prime number/],
    [{ kind: 'maglev', hashOn, tableSize: 2 ** 31 - 1 }, /loadBalancing\.tableSize: .* is not in/],
    [
      { kind: 'ring-hash', hashOn, minimumRingSize: 2, maximumRingSize: 1 },
      /loadBalancing\.minimumRingSize: 2 is not in 1 to 1/,
    ],
    [{ kind: 'least-request', choiceCount: 2.5, activeRequestBias: 1 }, /choiceCount: 2\.5 is not a whole/],
    [
      { kind: 'random', slowStart: { windowMs: 0, minWeightPercent: 1, aggression: 1 } },
      /loadBalancing\.slowStart\.windowMs: 0 is not in/,
    ],
  ] as const) {
    it(`is refused: ${JSON.stringify(loadBalancing)}`, () => {
      const policy = { name: 'p', namespace: 'shop', targets: [], loadBalancing };
      assert.throws(() => trafficPolicyFromJson('traffic_json', JSON.stringify(policy)), {
        name: 'WireError',
        message: problem,
      });
    });
  }
});

describe('the upstream TLS of a traffic policy that breaks the contract', () => {
  const good = { mode: 'simple', subjectAltNames: [] };
  for (const [upstreamTls, problem] of [
    [{ ...good, mode: 'none' }, /^traffic_json\.upstreamTls\.mode: is none of simple, mutual/],
    [{ ...good, verify: false }, /^traffic_json\.upstreamTls: field "verify" is unknown/],
    [{ ...good, hostname: 'a b' }, /^traffic_json\.upstreamTls\.hostname: is not a DNS name/],
    [{ ...good, hostname: '10.0.0.1' }, /hostname: is not a DNS name/],
    [{ ...good, caCertificates: [] }, /^traffic_json\.upstreamTls\.caCertificates: is empty/],
    [{ ...good, caCertificates: ['-----BEGIN'] }, /caCertificates\[0\]: is not base64/],
    [{ ...good, caCertificates: Array(9).fill('AAAA') }, /caCertificates: 9 items, at most 8 are allowed/],
    [{ ...good, caCertificates: ['A'.repeat(21_852)] }, /caCertificates\[0\]: is longer than 21848/],
    [{ ...good, subjectAltNames: undefined }, /subjectAltNames: is not a list/],
    [{ ...good, subjectAltNames: [{ kind: 'ip', value: '::1' }] }, /subjectAltNames\[0\]\.kind: is none of/],
    [{ ...good, subjectAltNames: [{ kind: 'hostname', value: '*' }] }, /value: is not a DNS name/],
    [{ ...good, subjectAltNames: [{ kind: 'uri', value: 'x'.repeat(2049) }] }, /value: is too long/],
  ] as const) {
    it(`is refused: ${problem.source}`, () => {
      const loadBalancing = { kind: 'random' };
      const policy = { name: 'p', namespace: 'shop', targets: [], loadBalancing, upstreamTls };
      assert.throws(() => trafficPolicyFromJson('traffic_json', JSON.stringify(policy)), {
        name: 'WireError',
        message: problem,
      });
    });
  }
});

describe('the connection pool of a traffic policy that breaks the contract', () => {
  for (const [connectionPool, problem] of [
    [[], /^traffic_json\.connectionPool: is not an object/],
    [{ maxConnections: 0 }, /^traffic_json\.connectionPool\.maxConnections: 0 is not in 1 to 65535/],
    [{ maxRequests: 1.5 }, /^traffic_json\.connectionPool\.maxRequests: 1\.5 is not a whole number/],
    [{ maxRequestsPerConnection: '3' }, /maxRequestsPerConnection: is not a number/],
    [{ connectTimeoutMs: 1 }, /connectTimeoutMs: 1 is not in/],
    [{ idleTimeoutMs: 1e12 }, /idleTimeoutMs: 1000000000000 is not in/],
  ] as const) {
    it(`is refused: ${problem.source}`, () => {
      const loadBalancing = { kind: 'random' };
      const policy = { name: 'p', namespace: 'shop', targets: [], loadBalancing, connectionPool };
      assert.throws(() => trafficPolicyFromJson('traffic_json', JSON.stringify(policy)), {
        name: 'WireError',
        message: problem,
      });
    });
  }
});

describe('a delta', () => {
  it('makes one snapshot into the other, also over the wire', () => {
    const encoder = new SnapshotEncoder();
    fc.assert(
      fc.property(anySnapshot, anySnapshot, (base, other) => {
        const next = sharing(base, other, ['shop/a', 'bank/b']);
        const delta = diffSnapshots(base, next);
        assert.ok(delta);
        assert.deepEqual(applyDelta(base, delta), next);
        assert.deepEqual(applyDelta(base, deltaFromBytes(deltaToBytes(delta))), next);
        const message = FEDERATION_SERVICE.follow.responseDeserialize(encoder.deltaMessage(delta));
        assert.deepEqual(snapshotStatementFromWire(message), { kind: 'delta', delta });
      }),
      RUNS,
    );
  });

  it('names only what changed, and leaves the rest the same objects', () => {
    fc.assert(
      fc.property(anySnapshot, anyService, (base, changed) => {
        fc.pre(changed.backendOnly === undefined);
        const key = serviceKey(changed.service);
        const next = {
          ...base,
          version: base.version + 1,
          services: new Map(base.services).set(key, changed),
        };
        const delta = diffSnapshots(base, next);
        assert.ok(delta);
        assert.deepEqual(delta.changedServices, [changed]);
        assert.deepEqual([delta.changedPeers, delta.removedPeers, delta.removedServices], [[], [], []]);
        const after = applyDelta(base, delta);
        assert.equal(after.peers, base.peers);
        for (const [other, service] of base.services) {
          if (other !== key) assert.equal(after.services.get(other), service);
        }
      }),
      RUNS,
    );
  });

  it('is not made between epochs, clusters, or back in time', () => {
    const [base] = fc.sample(anySnapshot, 1);
    assert.ok(base);
    assert.equal(diffSnapshots(base, { ...base, epoch: base.epoch + 1 }), undefined);
    assert.equal(diffSnapshots(base, { ...base, local: { ...base.local } }), undefined);
    assert.equal(diffSnapshots({ ...base, version: base.version + 1 }, base), undefined);
  });

  it('is refused on another base, and when it removes what is not there', () => {
    const [base] = fc.sample(anySnapshot, 1);
    assert.ok(base);
    const delta = diffSnapshots(base, { ...base, version: base.version + 1 });
    assert.ok(delta);
    assert.throws(() => applyDelta({ ...base, version: base.version + 5 }, delta), WireError);
    assert.throws(() => applyDelta({ ...base, epoch: base.epoch + 5 }, delta), WireError);
    assert.throws(() => applyDelta(base, { ...delta, removedServices: ['shop/none'] }), {
      message: /removed_services: "shop\/none" is not there/,
    });
  });
});

describe('what a gateway says', () => {
  const report = {
    trunks: [{ cluster: 'west', up: true, sinceMs: 1_700_000_000_000, rttSeconds: 0.004 }],
    endpoints: [{ service: 'shop/payments', address: '10.0.0.1:8080', state: 'ejected' as const }],
  };

  it('comes back as it was', () => {
    const started = { startedAtMs: 4, takesPatches: true };
    const hello = { gateway: 'gw-1', softwareVersion: '1', epoch: 2, version: 3, ...started };
    for (const statement of [
      { kind: 'hello' as const, ...hello },
      { kind: 'ack' as const, epoch: 5, version: 6 },
      { kind: 'nack' as const, epoch: 5, version: 6, reason: 'no\nthanks' },
      { kind: 'health' as const, report },
    ]) {
      assert.deepEqual(gatewayStatementFromWire(gatewayStatementToWire(statement)), statement);
    }
  });

  it('is refused when it is empty, nameless or beyond bounds', () => {
    const { requestDeserialize } = FEDERATION_SERVICE.follow;
    assert.throws(() => gatewayStatementFromWire(requestDeserialize(Buffer.alloc(0))), WireError);
    const nothing = { epoch: 0, version: 0, startedAtMs: 0, takesPatches: false };
    const nameless = { gateway: '', softwareVersion: '1', ...nothing };
    assert.throws(() => gatewayStatementFromWire(gatewayStatementToWire({ kind: 'hello', ...nameless })), {
      message: /hello.gateway/,
    });
    const twice = healthReportToWire({ ...report, trunks: [...report.trunks, ...report.trunks] });
    assert.throws(() => healthReportFromWire(twice), { message: /trunks: "west" is there twice/ });
    const message = healthReportToWire(report);
    for (const endpoint of message.endpoints) endpoint.service = 'payments';
    assert.throws(() => healthReportFromWire(message), { message: /endpoints\[0\]\.service/ });
  });
});
