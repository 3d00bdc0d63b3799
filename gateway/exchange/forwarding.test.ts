import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { Http2Backend } from '../../test/fixtures/http2-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { RawHttp1Peer } from '../../test/fixtures/raw-http1-peer.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import { type ForwardingConfig, NO_FORWARDING } from '../pipeline/forwarding-config.ts';

type Fields = Readonly<Record<string, unknown>>;

const ABOUT_HOPS = /forwarded|real.ip|^via$|^x-request-id$|^traceparent$/;
/** Of these a pod reads one value: the client's would be believed as if it were ours. */
const SINGLE = {
  'x-real-ip': '192.0.2.11',
  x_real_ip: '192.0.2.12',
  'x-forwarded-port': '443',
  x_forwarded_port: '444',
} as const;
/** A client that lies, or a proxy in front of the gateway that does not. */
const CLAIMS = {
  forwarded: 'for=192.0.2.9',
  'x-forwarded-for': '192.0.2.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'bank.example',
  x_forwarded_for: '192.0.2.10',
  'x-forwarded-prefix': '/bank',
  ...SINGLE,
  via: '1.0 somebody',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
} as const;
const OURS = {
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-proto': 'http',
  'x-forwarded-host': 'payments.shop',
};
const { via, traceparent } = CLAIMS;
const believed = Object.fromEntries(Object.entries(CLAIMS).filter(([name]) => !(name in SINGLE)));

/** Both gateways have the same settings, and the pod is behind the second. */
async function pair(
  t: TestContext,
  forwarding: Partial<ForwardingConfig>,
): Promise<{ pod: Http2Backend; port: number }> {
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const pod = await Http2Backend.start(t, (stream) => {
    stream.respond({ via: '1.1 pod', 'x-forwarded-for': 'pod', 'x-request-id': 'of the pod' });
    stream.end();
  });
  const options = { forwarding: { ...NO_FORWARDING, ...forwarding } };
  const payments = { name: 'payments', protocol: 'http2' } as const;
  const { east } = await mesh.pair(payments, [pod.port], { west: options, east: options });
  return { pod, port: await east.listenHttp() };
}

function aboutHops(headers: Fields | undefined): Fields {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => ABOUT_HOPS.test(name)));
}

const cases: readonly (readonly [string, Partial<ForwardingConfig>, OutgoingHttpHeaders, Fields])[] = [
  ['all passes as it came', {}, CLAIMS, CLAIMS],
  ['nothing is added', {}, {}, {}],
  [
    'a claim is replaced by what we saw, once',
    { xForwarded: 'replace', forwarded: 'remove' },
    CLAIMS,
    { ...OURS, via, traceparent },
  ],
  ['what we saw is added', { xForwarded: 'replace' }, {}, OURS],
  [
    'claims go, and nothing comes',
    { xForwarded: 'remove', forwarded: 'remove' },
    CLAIMS,
    { via, traceparent },
  ],
  [
    'ours come after those that are believed',
    { xForwarded: 'append', forwarded: 'append' },
    CLAIMS,
    {
      ...believed,
      forwarded: 'for=192.0.2.9, for=127.0.0.1;proto=http;host=payments.shop',
      'x-forwarded-for': '192.0.2.9, 127.0.0.1',
      'x-forwarded-proto': 'https, http',
      'x-forwarded-host': 'bank.example, payments.shop',
    },
  ],
  [
    'a host with a port is quoted',
    { forwarded: 'replace' },
    { ':authority': 'payments.shop:80' },
    { forwarded: 'for=127.0.0.1;proto=http;host="payments.shop:80"' },
  ],
  [
    'each gateway is in Via',
    { via: true },
    { via },
    { via: '1.0 somebody, 2.0 east.mesh.example, 2.0 west.mesh.example' },
  ],
  ['an id of the client stays', { requestId: 'generate' }, { 'x-request-id': 'a' }, { 'x-request-id': 'a' }],
];

describe('what a pod in west reads of the hops before', () => {
  for (const [what, forwarding, sent, expected] of cases) {
    it(what, async (t) => {
      const { pod, port } = await pair(t, forwarding);
      const client = new Http2Client(t, port);
      const response = await client.request(sent);
      assert.equal(response.status, 200);
      assert.deepEqual(aboutHops(pod.requests[0]), expected);
      // What a pod says in these fields is its own affair.
      assert.deepEqual(aboutHops(response.headers), {
        via: '1.1 pod',
        'x-forwarded-for': 'pod',
        'x-request-id': 'of the pod',
      });
    });
  }

  it('an id of our own, which both gateways keep', async (t) => {
    const { pod, port } = await pair(t, { requestId: 'generate' });
    const client = new Http2Client(t, port);
    for (let i = 0; i < 2; i++) assert.equal((await client.request()).status, 200);
    const ids = pod.requests.map((headers) => String(headers['x-request-id']));
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.notEqual(ids[0], ids[1]);
  });

  it('the version that the client spoke', async (t) => {
    const { pod, port } = await pair(t, { via: true, xForwarded: 'append' });
    const peer = await RawHttp1Peer.dial(t, port);
    peer.send('GET / HTTP/1.1\r\nHost: payments.shop\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b\r\n\r\n');
    await peer.until('HTTP/1.1 200');
    assert.equal(pod.requests[0]?.via, '1.1 east.mesh.example, 2.0 west.mesh.example');
    assert.equal(pod.requests[0]?.['x-forwarded-for'], 'a, b, 127.0.0.1');
  });
});
