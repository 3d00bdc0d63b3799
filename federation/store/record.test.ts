import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import type { Drain } from '../model/drain.ts';
import type { AddressGroup } from '../model/flat-network.ts';
import { encodeHead, type HeadContent, parseHead } from './head.ts';
import { MAX_RECORD_BYTES } from './limits.ts';
import { encodeRecord, parseRecord } from './record.ts';

const FIELD = 'shop/cart';
const RECORD = testRecord('cart');
const [PORT] = RECORD.ports;
const [HOSTS] = RECORD.localities;

function groupOf(address: string, hostname = 'a'): AddressGroup {
  return { ports: { http: 80 }, hosts: [{ address, hostname, ready: true }] };
}

describe('a record', () => {
  it('comes back as it was', () => {
    const whole = {
      ...RECORD,
      ports: [{ name: 'grpc', port: 81, protocol: 'http2', appProtocol: 'kubernetes.io/h2c' }],
    };
    assert.deepEqual(parseRecord(FIELD, encodeRecord(RECORD)), RECORD);
    assert.deepEqual(parseRecord(FIELD, JSON.stringify(whole)), whole);
  });

  it('has one text, whatever the order of its keys', () => {
    const shuffled = Object.fromEntries(Object.entries(RECORD).toReversed()) as typeof RECORD;
    assert.equal(encodeRecord(shuffled), encodeRecord(RECORD));
  });

  const TRAITS = {
    sessionAffinity: { timeoutSeconds: 600 },
    internalTrafficPolicy: 'Local' as const,
    ipFamilies: ['IPv6' as const, 'IPv4' as const],
    trafficDistribution: 'PreferClose',
    labels: { team: 'shop', 'example.com/tier': '' },
    annotations: { 'example.com/note': 'any text, "quoted"' },
  };

  it('says what holds for the whole service, or nothing of it', () => {
    const whole = { ...RECORD, ...TRAITS };
    assert.deepEqual(parseRecord(FIELD, encodeRecord(whole)), whole);
    const shuffled = { ...whole, labels: { 'example.com/tier': '', team: 'shop' } };
    assert.equal(encodeRecord(shuffled), encodeRecord(whole));
    assert.ok(!encodeRecord(RECORD).includes('labels'));
  });

  it('has the ports that gateways do not carry', () => {
    const dns = { name: 'dns', port: 53, transport: 'UDP' as const, appProtocol: 'example.com/dns' };
    const record = { ...RECORD, otherPorts: [dns, { ...dns, name: '', appProtocol: undefined }] };
    const text = encodeRecord(record);
    assert.deepEqual(parseRecord(FIELD, text), record);
    assert.throws(() => parseRecord(FIELD, text.replace('"UDP"', '"TCP"')), /otherPorts/);
    assert.ok(!encodeRecord(RECORD).includes('otherPorts'));
  });

  it('has the addresses of pods, of both families', () => {
    for (const address of ['10.0.0.1', '192.168.3.4', '172.16.0.9', '100.64.0.1', 'fd00::1', '2001:db8::7']) {
      const record = { ...RECORD, addresses: { network: 'lan', groups: [groupOf(address)] } };
      assert.deepEqual(parseRecord(FIELD, encodeRecord(record)), record);
    }
  });

  it('of a newer release is read as far as it is known', () => {
    const newer = {
      ...RECORD,
      more: 1,
      service: { ...RECORD.service, more: 1 },
      ports: [{ ...PORT, more: 1 }],
      localities: [{ ...HOSTS, more: 1, locality: { ...HOSTS?.locality, more: 1 } }],
    };
    assert.deepEqual(parseRecord(FIELD, JSON.stringify(newer)), {
      ...RECORD,
      ports: [PORT],
      localities: [HOSTS],
    });
  });

  const BAD: Readonly<Record<string, unknown>> = {
    'no object': [],
    'a missing key': { ...RECORD, type: undefined },
    'another service': testRecord('pay'),
    'an unknown type': { ...RECORD, type: 'ExternalName' },
    'a namespace that is no label': { ...RECORD, service: { namespace: 'Shop', name: 'cart' } },
    'a port name that is no label': { ...RECORD, ports: [{ ...PORT, name: 'web-' }] },
    'port 0': { ...RECORD, ports: [{ ...PORT, port: 0 }] },
    'port 65536': { ...RECORD, ports: [{ ...PORT, port: 65_536 }] },
    'a port that is a text': { ...RECORD, ports: [{ ...PORT, port: '80' }] },
    'an unknown protocol': { ...RECORD, ports: [{ ...PORT, protocol: 'udp' }] },
    'two ports of one name': { ...RECORD, ports: [PORT, { ...PORT, port: 81 }] },
    'two names of one port': { ...RECORD, ports: [PORT, { ...PORT, name: 'b' }] },
    '101 ports': {
      ...RECORD,
      ports: Array.from({ length: 101 }, (_, i) => ({ ...PORT, name: `p${i}`, port: i + 1 })),
    },
    'a line break in appProtocol': { ...RECORD, ports: [{ ...PORT, appProtocol: 'a\nb' }] },
    'an appProtocol that no Service can have': {
      ...RECORD,
      ports: [{ ...PORT, appProtocol: 'my/own/proto:1' }],
    },
    'one of a port that gateways do not carry': {
      ...RECORD,
      otherPorts: [{ name: 'dns', port: 53, transport: 'UDP', appProtocol: 'dns:53' }],
    },
    'a negative number of hosts': { ...RECORD, localities: [{ ...HOSTS, healthy: -1 }] },
    'a fraction of a host': { ...RECORD, localities: [{ ...HOSTS, healthy: 0.5 }] },
    'more healthy hosts than hosts': { ...RECORD, localities: [{ ...HOSTS, hosts: 2, healthy: 3 }] },
    'hosts beyond counting': { ...RECORD, localities: [{ ...HOSTS, hosts: 1e9 }] },
    'a locality twice': { ...RECORD, localities: [HOSTS, HOSTS] },
    'a region with a slash': {
      ...RECORD,
      localities: [{ ...HOSTS, locality: { region: 'a/b', zone: 'c' } }],
    },
    'an affinity without a time': { ...RECORD, sessionAffinity: {} },
    'an affinity of no seconds': { ...RECORD, sessionAffinity: { timeoutSeconds: 0 } },
    'a label whose name is none': { ...RECORD, labels: { 'a b': 'c' } },
    'a label whose value is none': { ...RECORD, labels: { a: 'b c' } },
    '65 labels': {
      ...RECORD,
      labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, ''])),
    },
    'annotations beyond 8 KiB': { ...RECORD, annotations: { a: 'x'.repeat(8192) } },
    'an address that is none': { ...RECORD, addresses: { network: 'lan', groups: [groupOf('a.example')] } },
    'a loopback address': { ...RECORD, addresses: { network: 'lan', groups: [groupOf('127.0.0.1')] } },
    'a metadata address': { ...RECORD, addresses: { network: 'lan', groups: [groupOf('169.254.169.254')] } },
    'IPv4 in IPv6, of a pod': {
      ...RECORD,
      addresses: { network: 'lan', groups: [groupOf('::ffff:10.0.0.1')] },
    },
    'IPv4 in IPv6': { ...RECORD, addresses: { network: 'lan', groups: [groupOf('::ffff:127.0.0.1')] } },
    'an address with a zone': { ...RECORD, addresses: { network: 'lan', groups: [groupOf('fd00::1%eth0')] } },
    'a multicast address': { ...RECORD, addresses: { network: 'lan', groups: [groupOf('ff02::1')] } },
    'a network without a name': { ...RECORD, addresses: { network: '', groups: [] } },
    'a pod whose name is no label': {
      ...RECORD,
      addresses: { network: 'lan', groups: [groupOf('10.0.0.1', 'a.b')] },
    },
    'a time before 1970': { ...RECORD, changedAtMs: -1 },
    'a time that is no time': { ...RECORD, exportedAtMs: 1e300 },
  };
  for (const [name, value] of Object.entries(BAD)) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => parseRecord(FIELD, JSON.stringify(value)), /record of "shop\/cart" is/);
    });
  }

  it('is refused when it is no JSON, or longer than any record', () => {
    assert.throws(() => parseRecord(FIELD, '{'), /is not JSON/);
    assert.throws(() => parseRecord(FIELD, ' '.repeat(MAX_RECORD_BYTES + 1)), /longer than/);
  });

  it('is refused in one short line, whatever it holds', () => {
    const key = `${'x'.repeat(5000)}\n\u001b[31m`;
    const text = JSON.stringify({ ...RECORD, labels: { [key]: 1 } });
    const refuse = (): unknown => parseRecord(FIELD, text);
    assert.throws(
      refuse,
      (failure: Error) => failure.message.length < 300 && !/[^\x20-\x7e]/.test(failure.message),
    );
  });

  it('throws nothing but errors at any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.throws(() => parseRecord(FIELD, text), Error);
      }),
    );
  });
});

const HEAD: HeadContent = {
  cluster: 'west',
  epoch: 1_800_000_000_000,
  version: 3,
  issuedAtMs: 1_800_000_000_001,
  digest: 'ab'.repeat(32),
  locality: { region: 'eu', zone: 'eu-a' },
  gateways: [{ host: 'fd00::1', port: 15_443 }],
  bundleSequence: 2,
  schemaVersion: 1,
};

const DRAINS: readonly Drain[] = [
  { kind: 'draining', sinceMs: 1_800_000_000_000, overMs: 600_000, fromPercent: 100 },
  { kind: 'returning', sinceMs: 1_800_000_000_000, fromPercent: 0 },
];

describe('the content of a head', () => {
  it('comes back as it was', () => {
    assert.deepEqual(parseHead(encodeHead(HEAD)), HEAD);
    assert.deepEqual(parseHead(encodeHead({ ...HEAD, left: true })), { ...HEAD, left: true });
    for (const drain of DRAINS) {
      assert.deepEqual(parseHead(encodeHead({ ...HEAD, drain })), { ...HEAD, drain });
    }
  });

  it('of a newer release is read as far as it is known', () => {
    const newer = { ...HEAD, more: 1, gateways: [{ ...HEAD.gateways[0], more: 1 }] };
    assert.deepEqual(parseHead(new TextEncoder().encode(JSON.stringify(newer))), HEAD);
  });

  const BAD: Readonly<Record<string, unknown>> = {
    'another schema version': { ...HEAD, schemaVersion: 2 },
    'no schema version': { ...HEAD, schemaVersion: undefined },
    'a digest in capitals': { ...HEAD, digest: 'AB'.repeat(32) },
    'a short digest': { ...HEAD, digest: 'ab' },
    'a negative version': { ...HEAD, version: -1 },
    'an epoch beyond exact numbers': { ...HEAD, epoch: 2 ** 53 },
    'a drain of 25 h': { ...HEAD, drain: { ...DRAINS[0], overMs: 90_000_000 } },
    'a drain from more than all': { ...HEAD, drain: { ...DRAINS[1], fromPercent: 101 } },
    'a drain of another kind': { ...HEAD, drain: { ...DRAINS[1], kind: 'gone' } },
    'a gateway without a port': { ...HEAD, gateways: [{ host: 'a' }] },
    'a gateway’s host with a space': { ...HEAD, gateways: [{ host: 'a b', port: 1 }] },
    '33 gateways': { ...HEAD, gateways: Array.from({ length: 33 }, () => HEAD.gateways[0]) },
    null: null,
  };
  for (const [name, value] of Object.entries(BAD)) {
    it(`is refused with ${name}`, () => {
      assert.throws(() => parseHead(new TextEncoder().encode(JSON.stringify(value))), /^Error: head /);
    });
  }
});
