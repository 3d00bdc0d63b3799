import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { TlsOptions } from 'node:tls';
import { workloadId } from '../../federation/model/identity.ts';
import type { UpstreamTls } from '../../federation/model/upstream-tls.ts';
import { tcpEchoPod } from '../../test/fixtures/echo-pods.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { Http1Backend } from '../../test/fixtures/http1-backend.ts';
import { Http2Client } from '../../test/fixtures/http2-client.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { type ServerCertificate, serverCertificate } from '../../test/fixtures/server-certificate.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';
import { TlsPod, type TlsPodKind } from '../../test/fixtures/tls-pod.ts';
import { certificatesFromPem } from '../../trust/pem.ts';
import type { Svid } from '../../trust/svid.ts';

const HOST = 'payments.shop.svc';
const MUTUAL: UpstreamTls = {
  mode: 'mutual',
  hostname: undefined,
  caCertificates: undefined,
  subjectAltNames: [],
};

/** TLS with certificates of other authorities. */
function simple(
  { caPem }: Pick<ServerCertificate, 'caPem'>,
  changes: Partial<UpstreamTls> = {},
): UpstreamTls {
  const caCertificates = certificatesFromPem(caPem).map((der) => Buffer.from(der).toString('base64'));
  return { ...MUTUAL, mode: 'simple', caCertificates, ...changes };
}

const ofServer = ({ certificatePem, keyPem }: ServerCertificate): TlsOptions => ({
  cert: certificatePem,
  key: keyPem,
});

const ofSvid = ({ certificateChainPem, privateKeyPem }: Svid): TlsOptions => ({
  cert: certificateChainPem,
  key: privateKeyPem,
});

interface Scene {
  readonly mesh: TestMesh;
  readonly gateway: TestGateway;
  readonly client: Http2Client;
  readonly useService: (changes: Partial<TestService>) => void;
}

/** A gateway whose service `payments` has the pods of these ports. */
async function scene(t: TestContext, mesh: TestMesh, service: Partial<TestService>): Promise<Scene> {
  const payments = { name: 'payments', protocol: 'http', endpoints: [], offeredBy: [], ...service } as const;
  const gateway = await mesh.gateway('west', { services: [payments] });
  let version = 1;
  return {
    mesh,
    gateway,
    client: new Http2Client(t, await gateway.listenHttp()),
    useService: (changes) => {
      version++;
      gateway.useSnapshot(mesh.snapshot('west', { services: [{ ...payments, ...changes }] }, version));
    },
  };
}

async function ask({ client }: Scene, path = '/'): Promise<string> {
  const response = await client.request({ ':path': path });
  return `${response.status} ${response.body}`;
}

async function refusal(scene: Scene): Promise<readonly [string | undefined, string | undefined]> {
  await ask(scene);
  const seen = scene.gateway.seen.at(-1);
  return [seen?.failure, seen?.upstreamTransportFailureReason];
}

const newMesh = (t: TestContext) => TestMesh.create(t, ['west']);

function svidOf(mesh: TestMesh, namespace: string): Promise<Svid> {
  return mesh.clusterset.svid('west', workloadId('west.mesh.example', namespace, 'payments'));
}

describe('TLS to pods with certificates of other authorities', () => {
  const versions = [
    ['http', 'https', 'HTTP/1.1'],
    ['http', 'by-alpn', 'HTTP/2.0'],
    ['http', 'h2', 'HTTP/2.0'],
    ['http2', 'by-alpn', 'HTTP/2.0'],
  ] as const satisfies readonly (readonly ['http' | 'http2', TlsPodKind, string])[];
  for (const [protocol, kind, version] of versions) {
    it(`speaks ${version} on a port of ${protocol} to a pod that is ${kind}`, async (t) => {
      const certificate = await serverCertificate([HOST]);
      const pod = await TlsPod.start(t, { kind, ...ofServer(certificate) });
      const tls = simple(certificate);
      const at = await scene(t, await newMesh(t), { protocol, endpoints: [pod.port], upstreamTls: tls });
      // All of them before the first connection has heard which version it will be.
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(at, `/${n}`)));
      assert.deepEqual(new Set(answers), new Set([`200 ${version}`]));
      assert.equal(await ask(at), `200 ${version}`);
      assert.equal(pod.connections[0]?.serverName, HOST);
      assert.ok(version === 'HTTP/1.1' || pod.connections.length === 1, `${pod.connections.length}`);
      assert.deepEqual(at.gateway.rejected, []);
    });
  }

  it('resumes sessions', async (t) => {
    const certificate = await serverCertificate([HOST]);
    const pod = await TlsPod.start(t, { kind: 'https', ...ofServer(certificate) });
    const at = await scene(t, await newMesh(t), { endpoints: [pod.port], upstreamTls: simple(certificate) });
    assert.equal(await ask(at), '200 HTTP/1.1');
    pod.breakConnections();
    assert.equal(await ask(at), '200 HTTP/1.1');
    assert.deepEqual(
      pod.connections.map(({ resumed }) => resumed),
      [false, true],
    );
  });

  it('follows a pod that changes its version, and back', async (t) => {
    const certificate = await serverCertificate([HOST]);
    const port = await freePort();
    const at = await scene(t, await newMesh(t), { endpoints: [port], upstreamTls: simple(certificate) });
    for (const [kind, version] of [
      ['https', 'HTTP/1.1'],
      ['h2', 'HTTP/2.0'],
      ['https', 'HTTP/1.1'],
    ] as const) {
      const pod = await TlsPod.start(t, { kind, port, ...ofServer(certificate) });
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(at)));
      assert.deepEqual(new Set(answers), new Set([`200 ${version}`]));
      await pod.close();
    }
  });

  it('takes any of the names that the policy gives, and says what it found otherwise', async (t) => {
    const uri = 'spiffe://elsewhere.example/ns/shop/sa/payments';
    const certificate = await serverCertificate(['other.example'], { uris: [uri] });
    const pod = await TlsPod.start(t, { kind: 'https', ...ofServer(certificate) });
    const at = await scene(t, await newMesh(t), { endpoints: [pod.port], upstreamTls: simple(certificate) });
    const [failure, reason] = await refusal(at);
    assert.equal(failure, 'noHealthyUpstream');
    assert.match(
      reason ?? '',
      /certificate is refused: the certificate is not for payments\.shop\.svc, but /,
    );
    assert.match(reason ?? '', /DNS:other\.example/);
    assert.equal(at.gateway.rejected.at(-1), 'upstream-identity');
    for (const subjectAltNames of [
      [{ kind: 'hostname', value: 'other.example' }],
      [
        { kind: 'hostname', value: 'no.example' },
        { kind: 'uri', value: uri },
      ],
    ] as const) {
      at.useService({ upstreamTls: simple(certificate, { subjectAltNames }) });
      assert.equal(await ask(at), '200 HTTP/1.1');
    }
    at.useService({ upstreamTls: simple(certificate, { hostname: 'other.example' }) });
    assert.equal(await ask(at), '200 HTTP/1.1');
    assert.equal(pod.connections.at(-1)?.serverName, 'other.example');
    at.useService({
      upstreamTls: simple(certificate, { subjectAltNames: [{ kind: 'uri', value: `${uri}x` }] }),
    });
    assert.equal((await refusal(at))[0], 'noHealthyUpstream');
  });

  const broken: readonly (readonly [
    string,
    () => Promise<[ServerCertificate, ServerCertificate]>,
    RegExp,
  ])[] = [
    [
      'of another authority',
      async () => [await serverCertificate([HOST]), await serverCertificate([HOST])],
      /certificate is refused: unable to verify the first certificate|certificate signature failure|unable to get/,
    ],
    [
      'that has expired',
      async () => {
        const expired = await serverCertificate([HOST], { notAfterMs: Date.now() - 60_000 });
        return [expired, expired];
      },
      /certificate is refused: certificate has expired/,
    ],
  ];
  for (const [what, make, expected] of broken) {
    it(`refuses a certificate ${what}, and never falls back to plaintext`, async (t) => {
      const [shown, trusted] = await make();
      const pod = await TlsPod.start(t, { kind: 'by-alpn', ...ofServer(shown) });
      const at = await scene(t, await newMesh(t), { endpoints: [pod.port], upstreamTls: simple(trusted) });
      const [failure, reason] = await refusal(at);
      assert.equal(failure, 'noHealthyUpstream');
      assert.match(reason ?? '', expected);
      assert.equal(at.gateway.rejected.at(-1), 'upstream-certificate');
      assert.deepEqual(pod.requests, []);
      // Counted as any other failure to connect.
      for (let again = 0; again < 4; again++) await ask(at);
      const [route] = at.gateway.engine.table.routes();
      assert.equal(route?.endpoints[0]?.runtime.consecutiveFailures, 5);
    });
  }

  it('says that a pod does not speak TLS, or not HTTP/2', async (t) => {
    const certificate = await serverCertificate([HOST]);
    const plain = await Http1Backend.start(t, 'plain');
    const at = await scene(t, await newMesh(t), {
      endpoints: [plain.port],
      upstreamTls: simple(certificate),
    });
    assert.deepEqual(await refusal(at), ['noHealthyUpstream', 'the pod does not speak TLS']);
    assert.equal(at.gateway.rejected.at(-1), 'upstream-tls-handshake');
    const pod = await TlsPod.start(t, { kind: 'https', ...ofServer(certificate) });
    at.useService({ protocol: 'http2', endpoints: [pod.port], upstreamTls: simple(certificate) });
    assert.deepEqual(await refusal(at), [
      'noHealthyUpstream',
      'the pod did not choose a protocol that is offered by ALPN',
    ]);
    assert.equal(at.gateway.rejected.at(-1), 'upstream-alpn');
  });

  it('gives a request that was under way its answer when the policy changes', async (t) => {
    const certificate = await serverCertificate([HOST]);
    const pod = await TlsPod.start(t, { kind: 'https', delayMs: 200, ...ofServer(certificate) });
    const at = await scene(t, await newMesh(t), { endpoints: [pod.port], upstreamTls: simple(certificate) });
    const under = ask(at, '/old');
    await until(() => pod.requests.length === 1);
    at.useService({
      upstreamTls: simple(certificate, {
        hostname: HOST,
        subjectAltNames: [{ kind: 'hostname', value: 'no.example' }],
      }),
    });
    assert.equal((await refusal(at))[0], 'noHealthyUpstream');
    assert.equal(await under, '200 HTTP/1.1');
  });
});

describe('mutual TLS to pods with SVIDs', () => {
  it('shows the gateway, and takes a pod of the service of its namespace', async (t) => {
    const mesh = await newMesh(t);
    const ca = mesh.clusterset.root.certificatePem;
    const asks = { requestCert: true, rejectUnauthorized: true, ca };
    const pod = await TlsPod.start(t, { kind: 'by-alpn', ...ofSvid(await svidOf(mesh, 'shop')), ...asks });
    const at = await scene(t, mesh, { endpoints: [pod.port], upstreamTls: MUTUAL });
    assert.equal(await ask(at), '200 HTTP/2.0');
    assert.match(pod.connections[0]?.client ?? '', /URI:spiffe:\/\/west\.mesh\.example\/isthmus\/gateway/);
    // Without its certificate the pod parts with it.
    at.useService({ upstreamTls: { ...MUTUAL, mode: 'simple' } });
    assert.match(await ask(at), /^50[23] /);
  });

  it('refuses an SVID of another namespace, and one that is no workload’s', async (t) => {
    const mesh = await newMesh(t);
    const pod = await TlsPod.start(t, { kind: 'https', ...ofSvid(await svidOf(mesh, 'bank')) });
    const at = await scene(t, mesh, { endpoints: [pod.port], upstreamTls: MUTUAL });
    const [failure, reason] = await refusal(at);
    assert.equal(failure, 'noHealthyUpstream');
    assert.match(
      reason ?? '',
      /not for spiffe:\/\/west\.mesh\.example\/ns\/shop\/sa\/\*, but URI:spiffe:\/\/west\.mesh\.example\/ns\/bank\/sa\/payments/,
    );
    assert.equal(at.gateway.rejected.at(-1), 'upstream-identity');
    const stranger = await serverCertificate([HOST]);
    pod.useCertificate(ofServer(stranger));
    assert.match((await refusal(at))[1] ?? '', /certificate is refused/);
    assert.equal(at.gateway.rejected.at(-1), 'upstream-certificate');
    pod.useCertificate(ofSvid(await svidOf(mesh, 'shop')));
    assert.equal(await ask(at), '200 HTTP/1.1');
  });
});

describe('opaque TCP in TLS that the gateway begins', () => {
  it('passes bytes and half-closes on', async (t) => {
    const certificate = await serverCertificate([HOST]);
    const pod = await TlsPod.start(t, { kind: 'echo', ...ofServer(certificate) });
    const { gateway, port } = await opaque(t, { endpoints: [pod.port], upstreamTls: simple(certificate) });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => socket.destroy());
    const sent = Buffer.alloc(3_000_000, 'isthmus-');
    socket.end(sent);
    const got: Buffer[] = [];
    for await (const chunk of socket) got.push(chunk as Buffer);
    assert.ok(Buffer.concat(got).equals(sent));
    assert.equal(pod.connections[0]?.alpn, false);
    await until(() => gateway.seen.length === 1);
    assert.equal(gateway.seen[0]?.failure, undefined);
  });

  it('closes a client whose pod cannot be trusted, and says why', async (t) => {
    const certificate = await serverCertificate(['other.example']);
    const pod = await TlsPod.start(t, { kind: 'echo', ...ofServer(certificate) });
    const { gateway, port } = await opaque(t, { endpoints: [pod.port], upstreamTls: simple(certificate) });
    const socket = connect({ port, host: '127.0.0.1' });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.resume();
    socket.write('a secret');
    await closed;
    await until(() => gateway.seen.length === 1);
    assert.equal(gateway.seen[0]?.failure, 'noHealthyUpstream');
    assert.match(gateway.seen[0]?.upstreamTransportFailureReason ?? '', /not for payments\.shop\.svc/);
  });

  it('lets the client’s own TLS through, whatever the policy says', async (t) => {
    const certificate = await serverCertificate([HOST]);
    const { port } = await opaque(t, {
      appProtocol: 'tls',
      endpoints: [await tcpEchoPod(t)],
      upstreamTls: simple(certificate),
    });
    const socket = connect({ port, host: '127.0.0.1' });
    t.after(() => socket.destroy());
    socket.write('not TLS at all');
    const [answer] = await once(socket, 'data');
    assert.equal(String(answer), 'not TLS at all');
  });
});

async function opaque(t: TestContext, service: Partial<TestService>) {
  const port = await freePort();
  const mesh = await newMesh(t);
  const { gateway } = await scene(t, mesh, { protocol: 'tcp', listenPort: port, ...service });
  await gateway.listenOpaque(port);
  return { gateway, port };
}
