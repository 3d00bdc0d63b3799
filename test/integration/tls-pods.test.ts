import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Client, credentials, Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { workloadId } from '../../federation/model/identity.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { startServer } from '../bench/program.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { GatewayProcess, gatewayPorts, writeGatewayFolder } from '../fixtures/gateway-process.ts';
import { Http2Client } from '../fixtures/http2-client.ts';
import { until } from '../fixtures/recorded-exchanges.ts';
import { RedisServer } from '../fixtures/redis-server.ts';
import { missingTools, requireTool } from '../fixtures/requirement.ts';
import { type ServerCertificate, serverCertificate } from '../fixtures/server-certificate.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';
import type { TestService } from '../fixtures/test-snapshot.ts';
import { TlsPod } from '../fixtures/tls-pod.ts';
import {
  MUTUAL_TLS,
  POD_HOST,
  serverOptions,
  simpleTls,
  svidOptions,
  UpstreamScene,
} from '../fixtures/upstream-scene.ts';

const LARGE = Buffer.alloc(3_000_000, 'isthmus-');

function lifetimeOf(t: TestContext): Lifetime {
  const lifetime = new Lifetime();
  t.after(() => lifetime.close());
  return lifetime;
}

/** Files of a certificate, for programs that read such. */
function certificateFiles(folder: string, { certificatePem, keyPem, caPem }: ServerCertificate) {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
  writeFileSync(files.cert, certificatePem);
  writeFileSync(files.key, keyPem);
  writeFileSync(files.ca, caPem);
  return files;
}

async function startNginx(t: TestContext, binary: string, certificate: ServerCertificate, http2: boolean) {
  const folder = tempFolder(t);
  const port = await freePort();
  const { cert, key } = certificateFiles(folder, certificate);
  writeFileSync(join(folder, 'large'), LARGE);
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => {
    const path = join(folder, kind);
    mkdirSync(path);
    return `${kind}_temp_path ${path};`;
  });
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; user root; worker_processes 1; pid ${join(folder, 'nginx.pid')}; error_log /dev/null;
    events { worker_connections 1024; }
    http {
      ${temps.join('\n')}
      access_log off; keepalive_requests 20;
      server {
        listen 127.0.0.1:${port} ssl${http2 ? ' http2' : ''};
        ssl_certificate ${cert}; ssl_certificate_key ${key};
        location = / { return 200 $server_protocol; }
        location = /large { root ${folder}; }
      }
    }`,
  );
  await startServer(lifetimeOf(t), binary, ['-e', '/dev/null', '-c', config], port);
  return port;
}

describe('a gateway in processes of its own', () => {
  it('shows its SVID to a pod that wants one, in requests and in checks', async (t) => {
    const clusterset = await TestClusterset.create(['west']);
    const svid = await clusterset.svid('west', workloadId('west.mesh.example', 'shop', 'payments'));
    const pod = await TlsPod.start(t, {
      kind: 'by-alpn',
      ...svidOptions(svid),
      requestCert: true,
      rejectUnauthorized: true,
      ca: clusterset.root.certificatePem,
    });
    const ports = await gatewayPorts();
    const payments: TestService = {
      name: 'payments',
      protocol: 'http',
      endpoints: [pod.port],
      offeredBy: [],
      upstreamTls: MUTUAL_TLS,
      connectionPool: { maxRequestsPerConnection: 2 },
      healthCheck: {
        check: { kind: 'http', path: '/ready', expectedStatus: [] },
        intervalMs: 1_000,
        // A pod of a busy machine is not ill.
        timeoutMs: 30_000,
        unhealthyThreshold: 1,
        healthyThreshold: 1,
      },
    };
    const plan = { cluster: 'west', ports, services: [payments], peers: {}, workers: 2 };
    const config = await writeGatewayFolder(tempFolder(t), clusterset, plan);
    const gateway = GatewayProcess.start(t, config, ports.admin);
    await gateway.ready();
    await until(() => pod.requests.includes('GET /ready'));
    const client = new Http2Client(t, ports.http);
    for (let n = 0; n < 5; n++) {
      const response = await client.request({ ':path': '/pay' });
      assert.equal(`${response.status} ${response.body}`, '200 HTTP/2.0');
    }
    for (const { client: shown } of pod.connections) {
      assert.match(shown ?? '', /URI:spiffe:\/\/west\.mesh\.example\/isthmus\/gateway/);
    }
    const { body } = await gateway.admin('/why?service=shop/payments');
    assert.equal(
      JSON.parse(body).upstream,
      'Mutual TLS to payments.shop.svc, then HTTP/2 or HTTP/1.1 as the pod chooses; ' +
        'certificates by the trust bundles for spiffe://west.mesh.example/ns/shop/sa/*.',
    );
  });
});

describe('nginx with TLS as a pod', { skip: missingTools('nginx') }, () => {
  for (const [http2, version] of [
    [true, 'HTTP/2.0'],
    [false, 'HTTP/1.1'],
  ] as const) {
    it(`is spoken to by ${version}, and loses no request when it ends connections`, async (t) => {
      const nginx = requireTool(t, 'nginx');
      if (nginx === undefined) return;
      const certificate = await serverCertificate([POD_HOST]);
      const port = await startNginx(t, nginx, certificate, http2);
      const at = await UpstreamScene.start(t, { endpoints: [port], upstreamTls: simpleTls(certificate) });
      // It ends each connection after twenty requests.
      const answers = await Promise.all(Array.from({ length: 60 }, () => at.ask()));
      assert.deepEqual(new Set(answers), new Set([`200 ${version}`]));
      const large = await at.client.request({ ':path': '/large' });
      assert.ok(large.body.equals(LARGE));
    });
  }
});

describe('a gRPC server with TLS as a pod', () => {
  it('answers through the gateway', async (t) => {
    const certificate = await serverCertificate([POD_HOST]);
    const text = {
      serialize: (value: string) => Buffer.from(value),
      deserialize: (bytes: Buffer) => `${bytes}`,
    };
    const talk = {
      path: '/test.Echo/Talk',
      requestStream: true,
      responseStream: true,
      requestSerialize: text.serialize,
      requestDeserialize: text.deserialize,
      responseSerialize: text.serialize,
      responseDeserialize: text.deserialize,
    } as const;
    const server = new GrpcServer();
    server.addService(
      { talk },
      {
        talk: (call: NodeJS.ReadWriteStream) => {
          call.on('data', (word: string) => call.write(`${word}!`));
          call.on('end', () => call.end());
        },
      },
    );
    const pair = {
      cert_chain: Buffer.from(certificate.certificatePem),
      private_key: Buffer.from(certificate.keyPem),
    };
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [pair]), (failure, bound) =>
        failure === null ? resolve(bound) : reject(failure),
      );
    });
    t.after(() => server.forceShutdown());
    const upstreamTls = simpleTls(certificate);
    const at = await UpstreamScene.start(t, { protocol: 'http2', endpoints: [port], upstreamTls });
    const client = new Client(`127.0.0.1:${await at.gateway.listenHttp()}`, credentials.createInsecure(), {
      'grpc.default_authority': 'payments.shop',
    });
    t.after(() => client.close());
    const call = client.makeBidiStreamRequest(talk.path, talk.requestSerialize, talk.responseDeserialize);
    call.write('one');
    call.write('two');
    call.end();
    const words: string[] = [];
    for await (const word of call) words.push(word as string);
    assert.deepEqual(words, ['one!', 'two!']);
  });
});

describe('Redis with TLS as a pod', { skip: missingTools('redis-server') }, () => {
  it('has clients that know nothing of TLS', async (t) => {
    const certificate = await serverCertificate([POD_HOST]);
    const server = await RedisServer.start(t, { tls: certificate });
    const port = await freePort();
    const at = await UpstreamScene.start(t, {
      protocol: 'tcp',
      listenPort: port,
      endpoints: [server.port],
      upstreamTls: simpleTls(certificate),
    });
    await at.gateway.listenOpaque(port);
    const client = server.client({ port, tls: undefined });
    await client.set('large', LARGE);
    assert.ok((await client.getBuffer('large'))?.equals(LARGE));
  });
});

describe('a WebSocket to a pod with TLS', () => {
  for (const [kind, plain, protocols] of [
    ['by-alpn', 'HTTP/2.0', ['h2', 'http/1.1']],
    ['no-alpn', 'HTTP/1.1', [false, false]],
  ] as const) {
    it(`goes over HTTP/1.1 where the pod is ${kind}`, async (t) => {
      const certificate = await serverCertificate([POD_HOST]);
      const pod = await TlsPod.start(t, { kind, ...serverOptions(certificate) });
      const upstreamTls = simpleTls(certificate);
      const at = await UpstreamScene.start(t, { endpoints: [pod.port], upstreamTls });
      assert.equal(await at.ask(), `200 ${plain}`);
      const headers = {
        host: 'payments.shop',
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      };
      const asked = request({ port: await at.gateway.listenHttp(), path: '/chat', headers });
      asked.end();
      const [response, socket] = (await once(asked, 'upgrade')) as [{ statusCode: number }, Socket];
      t.after(() => socket.destroy());
      assert.equal(response.statusCode, 101);
      socket.write('hello');
      assert.equal(String((await once(socket, 'data'))[0]), 'hello');
      assert.deepEqual(
        pod.connections.map(({ alpn }) => alpn),
        protocols,
      );
    });
  }
});

describe('a pod that wants a certificate and gets none', { skip: missingTools('openssl') }, () => {
  it('is a failure to connect, also when it says so only after our half of the handshake', async (t) => {
    const openssl = requireTool(t, 'openssl');
    if (openssl === undefined) return;
    const certificate = await serverCertificate([POD_HOST]);
    const { cert, key, ca } = certificateFiles(tempFolder(t), certificate);
    const port = await freePort();
    const args = ['s_server', '-accept', String(port), '-cert', cert, '-key', key, '-CAfile', ca];
    await startServer(
      lifetimeOf(t),
      openssl,
      [...args, '-Verify', '1', '-verify_return_error', '-www'],
      port,
    );
    const at = await UpstreamScene.start(t, { endpoints: [port], upstreamTls: simpleTls(certificate) });
    // A POST, which nothing would send again after a lost connection.
    const response = await at.client.request({}, 'body');
    assert.equal(response.status, 503);
    const seen = at.gateway.seen.at(-1);
    assert.equal(seen?.failure, 'upstreamConnectFailure');
    assert.match(seen?.upstreamTransportFailureReason ?? '', /certificate required/);
  });
});
