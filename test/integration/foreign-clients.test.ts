import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { type ClientHttp2Session, connect } from 'node:http2';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  type Metadata,
  makeGenericClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { DemoWorld } from '../../clusters/demo/demo-world.ts';
import { GREETER, type Greeting } from '../../clusters/demo/greeter.ts';
import { ENTRY, HOST, LOST } from '../../clusters/demo/topology.ts';
import { clusterTrustDomain, workloadId } from '../../federation/model/identity.ts';
import { type Authority, createIntermediate, createRoot, issueSvid } from '../../trust/authority.ts';
import { createCsr } from '../../trust/csr.ts';
import { loadTrustFolder } from '../../trust/folder.ts';
import { generateKeyPair } from '../../trust/key.ts';
import { certificatesToPem } from '../../trust/pem.ts';
import { missingTools } from '../fixtures/requirement.ts';

const run = promisify(execFile);
const ECHO = 'echo.demo.svc.clusterset.local';
const GREETER_HOST = 'greeter.demo.svc.clusterset.local';

/** A broken handshake, an empty reply, a reset, a stream cut before its headers: as TLS version and timing have it. */
const CLOSED_WITHOUT_ANSWER = /curl: \((18|35|52|55|56|92)\)/;

interface Echo {
  readonly cluster: string;
  readonly method: string;
  readonly path: string;
  readonly bytes: number;
}

interface ClientFiles {
  readonly cert: string;
  readonly key: string;
  readonly certPem: string;
  readonly keyPem: string;
}

suite('foreign clients through the gateways of a running clusterset', { timeout: 300_000 }, () => {
  let world: DemoWorld;
  let http: string;
  let rootFile: string;

  before(async () => {
    world = await DemoWorld.build({ kind: 'memory' }, () => undefined);
    http = `http://${HOST}:${world.cluster(ENTRY).plan.ports.http}`;
    rootFile = join(world.cluster(ENTRY).folder, 'trust', 'root.pem');
  });

  after(() => world.close());

  async function curl(...args: string[]): Promise<string> {
    const { stdout } = await run('curl', ['-sS', '--max-time', '20', ...args]);
    return stdout;
  }

  test('curl over HTTP/1.1', { skip: missingTools('curl') }, async () => {
    const answer = JSON.parse(await curl('-H', `Host: ${ECHO}`, `${http}/a?b=c`)) as Echo;
    assert.deepEqual([answer.cluster, answer.method, answer.path], [LOST, 'GET', '/a?b=c']);
    const posted = JSON.parse(
      await curl('-H', `Host: ${ECHO}`, '-d', 'x'.repeat(100_000), `${http}/p`),
    ) as Echo;
    assert.deepEqual([posted.method, posted.bytes], ['POST', 100_000]);
  });

  test('curl over HTTP/2 with prior knowledge', { skip: missingTools('curl') }, async () => {
    const format = '%{http_version} %{http_code}';
    const options = ['--http2-prior-knowledge', '-o', '/dev/null', '-w', format, '-H', `Host: ${ECHO}`];
    assert.equal(await curl(...options, `${http}/`), '2 200');
  });

  test('an unknown service is a 404 that says so', { skip: missingTools('curl') }, async () => {
    const answer = await curl(
      '-w',
      ' %{http_code}',
      '-H',
      'Host: nobody.demo.svc.clusterset.local',
      `${http}/`,
    );
    assert.match(answer, /No service of the clusterset has this name.* 404$/s);
  });

  test('h2load, many streams on few connections', { skip: missingTools('h2load') }, async () => {
    const { stdout } = await run('h2load', [
      '-n',
      '2000',
      '-c',
      '4',
      '-m',
      '32',
      `--header=:authority: ${ECHO}`,
      http,
    ]);
    assert.match(stdout, /2000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.match(stdout, /status codes: 2000 2xx/);
  });

  test('node:http2 with a body both ways', async () => {
    const session: ClientHttp2Session = connect(http);
    const stream = session.request({ ':method': 'POST', ':path': '/n', ':authority': ECHO });
    stream.end(Buffer.alloc(300_000, 'y'));
    let body = '';
    stream.setEncoding('utf8');
    for await (const chunk of stream) body += String(chunk);
    session.close();
    assert.equal((JSON.parse(body) as Echo).bytes, 300_000);
  });

  test('a stream arrives as it is sent, not at its end', { skip: missingTools('curl') }, async () => {
    const format = '\n%{time_starttransfer} %{time_total}';
    const answer = await curl('-N', '-w', format, '-H', 'Host: stream.demo.svc.clusterset.local', `${http}/`);
    const lines = answer.split('\n').filter((line) => line !== '');
    const [first, total] = (lines.at(-1) ?? '').split(' ').map(Number);
    assert.equal(lines.length, 11);
    // Ten lines a tenth of a second apart: what was held back would all come at the end. One interval is enough to tell,
    // for on a busy machine those that wait on the way come together.
    assert.ok((total ?? 0) - (first ?? 0) > 0.1, `first byte after ${first} s of ${total} s`);
  });

  suite('grpc-js', () => {
    let client: GreeterClient;

    before(() => {
      const Greeter = makeGenericClientConstructor(GREETER, 'Greeter');
      const target = `${HOST}:${world.cluster(ENTRY).plan.ports.http}`;
      client = new Greeter(target, credentials.createInsecure(), {
        'grpc.default_authority': GREETER_HOST,
      }) as unknown as GreeterClient;
    });

    after(() => client.close());

    test('unary', async () => {
      const answer = await unary(client, 'you');
      assert.equal(answer.text, 'hello you');
      assert.notEqual(answer.cluster, ENTRY);
    });

    test('an error comes with its code and its message in the trailers', async () => {
      await assert.rejects(unary(client, 'fail'), (failure: ServiceError) => {
        assert.equal(failure.code, status.FAILED_PRECONDITION);
        return failure.details === 'asked to fail';
      });
    });

    test('a deadline ends the call', async () => {
      await assert.rejects(
        unary(client, 'slowly', { deadline: Date.now() + 300 }),
        (failure: ServiceError) => {
          return failure.code === status.DEADLINE_EXCEEDED;
        },
      );
    });

    test('server streaming', async () => {
      const texts: string[] = [];
      for await (const greeting of client.repeat({ text: 'again' })) texts.push((greeting as Greeting).text);
      assert.deepEqual([texts.length, texts[9]], [10, 'hello again 10']);
    });

    test('cancellation in the middle of a stream', async () => {
      const call = client.repeat({ text: 'stop' });
      const ended = new Promise<ServiceError>((resolve) => call.on('error', resolve));
      call.once('data', () => call.cancel());
      assert.equal((await ended).code, status.CANCELLED);
    });

    test('client streaming', async () => {
      const answer = await new Promise<Greeting>((resolve, reject) => {
        const call = client.collect((failure, greeting) => (failure ? reject(failure) : resolve(greeting)));
        for (const text of ['a', 'b', 'c']) call.write({ text });
        call.end();
      });
      assert.equal(answer.text, 'a b c');
    });

    test('both ways at once', async () => {
      const call = client.chat();
      const texts: string[] = [];
      call.write({ text: '1' });
      for await (const greeting of call) {
        texts.push((greeting as Greeting).text);
        if (texts.length === 5) call.end();
        else call.write({ text: `${texts.length + 1}` });
      }
      assert.deepEqual(texts, ['1', '2', '3', '4', '5']);
    });

    test('an unknown method is the service’s own UNIMPLEMENTED', async () => {
      const call = new Promise<ServiceError | null>((resolve) => {
        const path = '/isthmus.demo.Greeter/Nothing';
        const pass = (value: Greeting): Buffer => Buffer.from(JSON.stringify(value));
        const read = (bytes: Buffer): Greeting => JSON.parse(bytes.toString()) as Greeting;
        client.makeUnaryRequest(path, pass, read, { text: '' }, (failure) => resolve(failure));
      });
      assert.equal((await call)?.code, status.UNIMPLEMENTED);
    });
  });

  suite('mutual TLS on the mesh port', () => {
    const trustDomain = (cluster: string): string => clusterTrustDomain(cluster, 'demo.mesh');
    let own: ClientFiles;
    let foreign: ClientFiles;
    let neighbour: ClientFiles;

    before(async () => {
      const folder = world.cluster(ENTRY).folder;
      const trust = await loadTrustFolder(join(folder, 'trust'), { nowMs: Date.now() });
      own = await clientFiles(trust.intermediate, trustDomain(ENTRY), join(folder, 'own-client'));
      const west = world.cluster(LOST).folder;
      const westTrust = await loadTrustFolder(join(west, 'trust'), { nowMs: Date.now() });
      neighbour = await clientFiles(westTrust.intermediate, trustDomain(LOST), join(west, 'client'));
      // The same names under a root that nobody here knows.
      const root = await createRoot({ clusterset: 'demo.mesh', nowMs: Date.now() });
      foreign = await clientFiles(
        await authorityBelow(root, trustDomain(ENTRY)),
        trustDomain(ENTRY),
        join(folder, 'foreign-client'),
      );
    });

    function mesh(files: ClientFiles): string[] {
      const { mesh: port } = world.cluster(ENTRY).plan.ports;
      const name = `gateway.${trustDomain(ENTRY)}`;
      return [
        ...['--cacert', rootFile, '--cert', files.cert, '--key', files.key],
        ...['--resolve', `${name}:${port}:${HOST}`, '-H', `Host: ${ECHO}`, `https://${name}:${port}/`],
      ];
    }

    test('a client with an SVID of this cluster is served, and the pod learns who it is', {
      skip: missingTools('curl'),
    }, async () => {
      for (const version of ['--http1.1', '--http2']) {
        const answer = JSON.parse(await curl(version, ...mesh(own))) as { caller: string; cluster: string };
        assert.equal(answer.cluster, LOST);
        assert.match(answer.caller, /URI="?spiffe:\/\/east\.demo\.mesh\/ns\/demo\/sa\/curl/);
      }
    });

    test('a client of another root is refused', { skip: missingTools('curl') }, async () => {
      await assert.rejects(curl(...mesh(foreign)), CLOSED_WITHOUT_ANSWER);
    });

    test('a client of another cluster’s trust domain is not spoken for', {
      skip: missingTools('curl'),
    }, async () => {
      const answer = await curl('-w', ' %{http_code}', ...mesh(neighbour));
      assert.match(answer, /no acceptable identity.* 401$/s);
    });

    test('a client without a certificate is refused', async () => {
      const { mesh: port } = world.cluster(ENTRY).plan.ports;
      const closed = await new Promise<boolean>((resolve, reject) => {
        const socket = connectTls({ host: HOST, port, ALPNProtocols: ['h2'], rejectUnauthorized: false });
        socket.setTimeout(15_000, () => reject(new Error('the gateway kept the connection')));
        socket.once('close', () => resolve(true));
        socket.once('error', () => resolve(true));
        socket.resume();
      });
      assert.equal(closed, true);
    });

    async function clientFiles(authority: Authority, domain: string, path: string): Promise<ClientFiles> {
      const keyPair = await generateKeyPair();
      const id = workloadId(domain, 'demo', 'curl');
      const csrDer = await createCsr({ keyPair, id, dnsNames: [] });
      const { chainDer } = await issueSvid(authority, { csrDer, id, dnsNames: [], nowMs: Date.now() });
      const certPem = certificatesToPem(chainDer);
      await writeFile(`${path}.pem`, certPem);
      await writeFile(`${path}.key`, keyPair.privateKeyPem, { mode: 0o600 });
      return { cert: `${path}.pem`, key: `${path}.key`, certPem, keyPem: keyPair.privateKeyPem };
    }
  });
});

async function authorityBelow(root: Authority, trustDomain: string): Promise<Authority> {
  const keyPair = await generateKeyPair();
  const nowMs = Date.now();
  const { publicKeyPem, privateKeyPem } = keyPair;
  const certificatePem = await createIntermediate(root, { trustDomain, publicKeyPem, nowMs });
  return { certificatePem, privateKeyPem, chainPem: certificatePem };
}

interface CallOptions {
  readonly deadline?: number;
}

/** What grpc-js makes of GREETER: its generic constructor gives the methods no types. */
interface GreeterClient {
  greet(
    request: Greeting,
    options: CallOptions,
    done: (failure: ServiceError | null, greeting: Greeting) => void,
  ): void;
  repeat(request: Greeting): ClientReadableStream<Greeting>;
  collect(done: (failure: ServiceError | null, greeting: Greeting) => void): ClientWritableStream<Greeting>;
  chat(): ClientDuplexStream<Greeting, Greeting>;
  makeUnaryRequest(
    path: string,
    serialize: (value: Greeting) => Buffer,
    deserialize: (bytes: Buffer) => Greeting,
    request: Greeting,
    done: (failure: ServiceError | null, greeting?: Greeting, trailers?: Metadata) => void,
  ): void;
  close(): void;
}

function unary(client: GreeterClient, text: string, options: CallOptions = {}): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    client.greet({ text }, options, (failure, greeting) =>
      failure === null ? resolve(greeting) : reject(failure),
    );
  });
}
