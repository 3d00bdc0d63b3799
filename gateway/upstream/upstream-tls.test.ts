import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { workloadId } from '../../federation/model/identity.ts';
import { chainPem, forge, forged } from '../../test/fixtures/certificate-forge.ts';
import { tcpEchoPod } from '../../test/fixtures/echo-pods.ts';
import { freePort } from '../../test/fixtures/ephemeral-port.ts';
import { Http1Backend } from '../../test/fixtures/http1-backend.ts';
import { until } from '../../test/fixtures/recorded-exchanges.ts';
import { type ServerCertificate, serverCertificate } from '../../test/fixtures/server-certificate.ts';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';
import type { TestService } from '../../test/fixtures/test-snapshot.ts';
import { TlsPod, type TlsPodKind } from '../../test/fixtures/tls-pod.ts';
import {
  MUTUAL_TLS,
  POD_HOST,
  serverOptions,
  simpleTls,
  svidOptions,
  UpstreamScene,
} from '../../test/fixtures/upstream-scene.ts';
import type { Svid } from '../../trust/svid.ts';

/** Of an intermediate, which is shown in place of the root. */
async function intermediateCertificate(): Promise<ServerCertificate> {
  const extensions = [forged.basicConstraints(true), forged.keyUsage('keyCertSign')];
  const root = await forge({ subject: 'CN=root', extensions });
  const issuer = await forge({ subject: 'CN=intermediate', issuer: root, extensions });
  const pod = await forge({
    subject: 'CN=pod',
    issuer,
    extensions: [forged.basicConstraints(false), forged.san([{ dNSName: POD_HOST }])],
  });
  return { certificatePem: chainPem(pod, issuer), keyPem: pod.privateKeyPem, caPem: chainPem(issuer) };
}

const newMesh = (t: TestContext) => TestMesh.create(t, ['west']);

function svidOf(mesh: TestMesh, namespace: string): Promise<Svid> {
  return mesh.clusterset.svid('west', workloadId('west.mesh.example', namespace, 'payments'));
}

describe('TLS to pods with certificates of other authorities', () => {
  const versions = [
    ['http', 'https', 'HTTP/1.1'],
    ['http', 'no-alpn', 'HTTP/1.1'],
    ['http', 'by-alpn', 'HTTP/2.0'],
    ['http', 'h2', 'HTTP/2.0'],
    ['http2', 'by-alpn', 'HTTP/2.0'],
  ] as const satisfies readonly (readonly ['http' | 'http2', TlsPodKind, string])[];
  for (const [protocol, kind, version] of versions) {
    it(`speaks ${version} on a port of ${protocol} to a pod that is ${kind}`, async (t) => {
      const certificate = await serverCertificate([POD_HOST]);
      const pod = await TlsPod.start(t, { kind, ...serverOptions(certificate) });
      const tls = simpleTls(certificate);
      const at = await UpstreamScene.start(t, { protocol, endpoints: [pod.port], upstreamTls: tls });
      // All of them before the first connection has heard which version it will be.
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => at.ask(`/${n}`)));
      assert.deepEqual(new Set(answers), new Set([`200 ${version}`]));
      assert.equal(await at.ask(), `200 ${version}`);
      assert.equal(pod.connections[0]?.serverName, POD_HOST);
      assert.ok(version === 'HTTP/1.1' || pod.connections.length === 1, `${pod.connections.length}`);
      assert.deepEqual(at.gateway.rejected, []);
    });
  }

  it('resumes sessions', async (t) => {
    const certificate = await serverCertificate([POD_HOST]);
    const pod = await TlsPod.start(t, { kind: 'https', ...serverOptions(certificate) });
    const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls: simpleTls(certificate) });
    assert.equal(await at.ask(), '200 HTTP/1.1');
    pod.breakConnections();
    assert.equal(await at.ask(), '200 HTTP/1.1');
    assert.deepEqual(
      pod.connections.map(({ resumed }) => resumed),
      [false, true],
    );
  });

  it('follows a pod that changes its version, and back', async (t) => {
    const certificate = await serverCertificate([POD_HOST]);
    const port = await freePort();
    const at = await UpstreamScene.start(t, { endpoints: [port], upstreamTls: simpleTls(certificate) });
    for (const [kind, version] of [
      ['https', 'HTTP/1.1'],
      ['h2', 'HTTP/2.0'],
      ['https', 'HTTP/1.1'],
    ] as const) {
      const pod = await TlsPod.start(t, { kind, port, ...serverOptions(certificate) });
      const answers = await Promise.all(Array.from({ length: 8 }, () => at.ask()));
      assert.deepEqual(new Set(answers), new Set([`200 ${version}`]));
      await pod.close();
    }
  });

  it('takes any of the names that the policy gives, and says what it found otherwise', async (t) => {
    const uri = 'spiffe://elsewhere.example/ns/shop/sa/payments';
    const certificate = await serverCertificate(['other.example'], { uris: [uri] });
    const pod = await TlsPod.start(t, { kind: 'https', ...serverOptions(certificate) });
    const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls: simpleTls(certificate) });
    const [failure, reason] = await at.refusal();
    assert.equal(failure, 'upstreamConnectFailure');
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
      at.useService({ upstreamTls: simpleTls(certificate, { subjectAltNames }) });
      assert.equal(await at.ask(), '200 HTTP/1.1');
    }
    at.useService({ upstreamTls: simpleTls(certificate, { hostname: 'other.example' }) });
    assert.equal(await at.ask(), '200 HTTP/1.1');
    assert.equal(pod.connections.at(-1)?.serverName, 'other.example');
    at.useService({
      upstreamTls: simpleTls(certificate, { subjectAltNames: [{ kind: 'uri', value: `${uri}x` }] }),
    });
    assert.equal((await at.refusal())[0], 'upstreamConnectFailure');
  });

  it('believes an intermediate that the policy names, and nobody beside it', async (t) => {
    const [named, other] = await Promise.all([intermediateCertificate(), intermediateCertificate()]);
    const pod = await TlsPod.start(t, { kind: 'https', ...serverOptions(named) });
    const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls: simpleTls(named) });
    assert.equal(await at.ask(), '200 HTTP/1.1');
    at.useService({ upstreamTls: simpleTls(other) });
    assert.match((await at.refusal())[1] ?? '', /certificate is refused/);
  });

  const broken: readonly (readonly [
    string,
    () => Promise<[ServerCertificate, ServerCertificate]>,
    RegExp,
  ])[] = [
    [
      'of another authority',
      async () => [await serverCertificate([POD_HOST]), await serverCertificate([POD_HOST])],
      /certificate is refused: unable to verify the first certificate|certificate signature failure|unable to get/,
    ],
    [
      'that has expired',
      async () => {
        const expired = await serverCertificate([POD_HOST], { notAfterMs: Date.now() - 60_000 });
        return [expired, expired];
      },
      /certificate is refused: certificate has expired/,
    ],
  ];
  for (const [what, make, expected] of broken) {
    it(`refuses a certificate ${what}, and never falls back to plaintext`, async (t) => {
      const [shown, trusted] = await make();
      const pod = await TlsPod.start(t, { kind: 'by-alpn', ...serverOptions(shown) });
      const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls: simpleTls(trusted) });
      const [failure, reason] = await at.refusal();
      assert.equal(failure, 'upstreamConnectFailure');
      assert.match(reason ?? '', expected);
      assert.equal(at.gateway.rejected.at(-1), 'upstream-certificate');
      assert.deepEqual(pod.requests, []);
      // Counted as any other failure to connect.
      for (let again = 0; again < 4; again++) await at.ask();
      const [route] = at.gateway.engine.table.routes();
      assert.equal(route?.endpoints[0]?.runtime.consecutiveFailures, 5);
    });
  }

  it('says that a pod does not speak TLS, or not HTTP/2', async (t) => {
    const certificate = await serverCertificate([POD_HOST]);
    const plain = await Http1Backend.start(t, 'plain');
    const at = await UpstreamScene.start(t, {
      endpoints: [plain.port],
      upstreamTls: simpleTls(certificate),
    });
    assert.deepEqual(await at.refusal(), ['upstreamConnectFailure', 'the pod does not speak TLS']);
    assert.equal(at.gateway.rejected.at(-1), 'upstream-tls-handshake');
    const pod = await TlsPod.start(t, { kind: 'https', ...serverOptions(certificate) });
    at.useService({ protocol: 'http2', endpoints: [pod.port], upstreamTls: simpleTls(certificate) });
    assert.deepEqual(await at.refusal(), [
      'upstreamConnectFailure',
      'the pod did not choose a protocol that is offered by ALPN',
    ]);
    assert.equal(at.gateway.rejected.at(-1), 'upstream-alpn');
  });

  it('gives a request that was under way its answer when the policy changes', async (t) => {
    const certificate = await serverCertificate([POD_HOST]);
    const pod = await TlsPod.start(t, { kind: 'https', delayMs: 200, ...serverOptions(certificate) });
    const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls: simpleTls(certificate) });
    const under = at.ask('/old');
    await until(() => pod.requests.length === 1);
    at.useService({
      upstreamTls: simpleTls(certificate, {
        hostname: POD_HOST,
        subjectAltNames: [{ kind: 'hostname', value: 'no.example' }],
      }),
    });
    assert.equal((await at.refusal())[0], 'upstreamConnectFailure');
    assert.equal(await under, '200 HTTP/1.1');
  });
});

describe('mutual TLS to pods with SVIDs', () => {
  it('shows the gateway, and takes a pod of the service of its namespace', async (t) => {
    const mesh = await newMesh(t);
    const ca = mesh.clusterset.root.certificatePem;
    const asks = { requestCert: true, rejectUnauthorized: true, ca };
    const pod = await TlsPod.start(t, {
      kind: 'by-alpn',
      ...svidOptions(await svidOf(mesh, 'shop')),
      ...asks,
    });
    const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls: MUTUAL_TLS }, mesh);
    assert.equal(await at.ask(), '200 HTTP/2.0');
    assert.match(pod.connections[0]?.client ?? '', /URI:spiffe:\/\/west\.mesh\.example\/isthmus\/gateway/);
    // Without its certificate the pod parts with it.
    at.useService({ upstreamTls: { ...MUTUAL_TLS, mode: 'simple' } });
    assert.match(await at.ask(), /^50[23] /);
  });

  it('refuses an SVID of another namespace, and one that is no workload’s', async (t) => {
    const mesh = await newMesh(t);
    const pod = await TlsPod.start(t, { kind: 'https', ...svidOptions(await svidOf(mesh, 'bank')) });
    const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls: MUTUAL_TLS }, mesh);
    const [failure, reason] = await at.refusal();
    assert.equal(failure, 'upstreamConnectFailure');
    assert.match(
      reason ?? '',
      /not for spiffe:\/\/west\.mesh\.example\/ns\/shop\/sa\/\*, but URI:spiffe:\/\/west\.mesh\.example\/ns\/bank\/sa\/payments/,
    );
    assert.equal(at.gateway.rejected.at(-1), 'upstream-identity');
    const stranger = await serverCertificate([POD_HOST]);
    pod.useCertificate(serverOptions(stranger));
    assert.match((await at.refusal())[1] ?? '', /certificate is refused/);
    assert.equal(at.gateway.rejected.at(-1), 'upstream-certificate');
    pod.useCertificate(svidOptions(await svidOf(mesh, 'shop')));
    assert.equal(await at.ask(), '200 HTTP/1.1');
  });
});

describe('opaque TCP in TLS that the gateway begins', () => {
  it('passes bytes and half-closes on', async (t) => {
    const certificate = await serverCertificate([POD_HOST]);
    const pod = await TlsPod.start(t, { kind: 'echo', ...serverOptions(certificate) });
    const { gateway, port } = await opaque(t, { endpoints: [pod.port], upstreamTls: simpleTls(certificate) });
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
    const pod = await TlsPod.start(t, { kind: 'echo', ...serverOptions(certificate) });
    const { gateway, port } = await opaque(t, { endpoints: [pod.port], upstreamTls: simpleTls(certificate) });
    const socket = connect({ port, host: '127.0.0.1' });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.resume();
    socket.write('a secret');
    await closed;
    await until(() => gateway.seen.length === 1);
    assert.equal(gateway.seen[0]?.failure, 'upstreamConnectFailure');
    assert.match(gateway.seen[0]?.upstreamTransportFailureReason ?? '', /not for payments\.shop\.svc/);
  });

  it('lets the client’s own TLS through, whatever the policy says', async (t) => {
    const certificate = await serverCertificate([POD_HOST]);
    const { port } = await opaque(t, {
      appProtocol: 'tls',
      endpoints: [await tcpEchoPod(t)],
      upstreamTls: simpleTls(certificate),
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
  const { gateway } = await UpstreamScene.start(t, { protocol: 'tcp', listenPort: port, ...service }, mesh);
  await gateway.listenOpaque(port);
  return { gateway, port };
}

describe('a change of whom to trust', () => {
  it('is for new connections; those that are open serve on', async (t) => {
    const mesh = await newMesh(t);
    const pod = await TlsPod.start(t, { kind: 'h2', ...svidOptions(await svidOf(mesh, 'shop')) });
    const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls: MUTUAL_TLS }, mesh);
    assert.equal(await at.ask(), '200 HTTP/2.0');
    const stranger = await TestClusterset.create(['west']);
    const { snapshot } = at.gateway.engine.table;
    at.gateway.useSnapshot({ ...snapshot, version: 2, trustBundles: stranger.bundles });
    assert.equal(await at.ask(), '200 HTTP/2.0');
    pod.breakConnections();
    await until(() => pod.open === 0);
    const [failure, reason] = await at.refusal();
    assert.equal(failure, 'upstreamConnectFailure');
    assert.match(reason ?? '', /certificate is refused/);
    at.gateway.useSnapshot({ ...snapshot, version: 3 });
    assert.equal(await at.ask(), '200 HTTP/2.0');
    assert.ok(pod.connections.every(({ resumed }) => !resumed));
  });
});
