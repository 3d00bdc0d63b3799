import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { grpcPodPort } from '../../test/fixtures/pod-port.ts';
import type { TestGateway } from '../../test/fixtures/test-gateway.ts';
import { TestMesh } from '../../test/fixtures/test-mesh.ts';

const toBytes = (text: string): Buffer => Buffer.from(text, 'utf8');
const toText = (bytes: Buffer): string => bytes.toString('utf8');

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  };
}

const ECHO = {
  one: method('One', false, false),
  gather: method('Gather', true, false),
  count: method('Count', false, true),
  talk: method('Talk', true, true),
} satisfies ServiceDefinition;

const one: handleUnaryCall<string, string> = (call, answer) => {
  const trailers = new Metadata();
  trailers.set('x-trailer', 'there');
  if (call.request === 'fail') {
    answer({ code: status.FAILED_PRECONDITION, details: 'not like this', metadata: trailers });
  } else if (call.request !== 'hang') answer(null, call.request.toUpperCase(), trailers);
};
const gather: handleClientStreamingCall<string, string> = (call, answer) => {
  const all: string[] = [];
  call.on('data', (text: string) => all.push(text));
  call.on('end', () => answer(null, all.join('+')));
};
const count: handleServerStreamingCall<string, string> = (call) => {
  for (let i = 1; i <= Number(call.request); i++) call.write(String(i));
  call.end();
};
const talk: handleBidiStreamingCall<string, string> = (call) => {
  call.on('data', (text: string) => call.write(`${text}!`));
  call.on('end', () => call.end());
};

interface Pair {
  readonly east: TestGateway;
  readonly west: TestGateway;
  readonly client: Client;
}

async function pair(t: TestContext): Promise<Pair> {
  const server = new Server();
  server.addService(ECHO, { one, gather, count, talk });
  const mesh = await TestMesh.create(t, ['east', 'west']);
  const echo = { name: 'echo', protocol: 'http2' } as const;
  const { east, west } = await mesh.pair(echo, [await grpcPodPort(t, server)]);
  const client = new Client(`127.0.0.1:${await east.listenHttp()}`, credentials.createInsecure(), {
    'grpc.default_authority': 'echo.shop',
  });
  t.after(() => client.close());
  return { east, west, client };
}

function callOne(client: Client, text: string, deadlineMs?: number) {
  return new Promise<{ value: string | undefined; trailer: unknown; code: number; details: string }>(
    (resolve) => {
      let value: string | undefined;
      const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
      const { path, requestSerialize, responseDeserialize } = ECHO.one;
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        text,
        options,
        (_failure, answer) => {
          value = answer;
        },
      );
      call.on('status', ({ code, details, metadata }) => {
        setImmediate(() => resolve({ value, trailer: metadata.get('x-trailer')[0], code, details }));
      });
    },
  );
}

describe('gRPC through two gateways', () => {
  it('has its answer, its status and its trailers', async (t) => {
    const { client, east } = await pair(t);
    const good = await callOne(client, 'hello');
    assert.deepEqual(good, { value: 'HELLO', trailer: 'there', code: status.OK, details: 'OK' });
    const bad = await callOne(client, 'fail');
    assert.equal(bad.code, status.FAILED_PRECONDITION);
    assert.equal(bad.details, 'not like this');
    assert.equal(bad.trailer, 'there');
    assert.equal(east.seen[0]?.protocol, 'grpc');
  });

  it('streams from the client', async (t) => {
    const { client } = await pair(t);
    const { path, requestSerialize, responseDeserialize } = ECHO.gather;
    const gathered = await new Promise<string | undefined>((resolve, reject) => {
      const call = client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        (failure, answer) => {
          if (failure === null) resolve(answer);
          else reject(failure);
        },
      );
      for (const text of ['a', 'b', 'c']) call.write(text);
      call.end();
    });
    assert.equal(gathered, 'a+b+c');
  });

  it('streams from the server', async (t) => {
    const { client } = await pair(t);
    const { path, requestSerialize, responseDeserialize } = ECHO.count;
    const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, '1000');
    const numbers: string[] = [];
    for await (const text of call) numbers.push(String(text));
    assert.equal(numbers.length, 1000);
    assert.equal(numbers.at(-1), '1000');
  });

  it('streams both ways, each message as it comes', async (t) => {
    const { client } = await pair(t);
    const { path, requestSerialize, responseDeserialize } = ECHO.talk;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    for (const text of ['one', 'two', 'three']) {
      const answer = Promise.withResolvers<string>();
      call.once('data', answer.resolve);
      call.write(text);
      assert.equal(await answer.promise, `${text}!`);
    }
    const ended = Promise.withResolvers<number>();
    call.on('status', ({ code }) => ended.resolve(code));
    call.resume();
    call.end();
    assert.equal(await ended.promise, status.OK);
  });

  it('ends at its deadline, at the server too', async (t) => {
    const { client, east, west } = await pair(t);
    await callOne(client, 'warm');
    assert.equal((await callOne(client, 'hang', 300)).code, status.DEADLINE_EXCEEDED);
    while (east.engine.activeRequests + west.engine.activeRequests > 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });

  it('is cancelled at the server when the client cancels', async (t) => {
    const { client, west } = await pair(t);
    const { path, requestSerialize, responseDeserialize } = ECHO.talk;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const ended = Promise.withResolvers<number>();
    call.on('status', ({ code }) => ended.resolve(code));
    // It is reported with its status.
    call.on('error', () => undefined);
    const first = Promise.withResolvers<void>();
    call.once('data', () => first.resolve());
    call.write('x');
    await first.promise;
    call.cancel();
    assert.equal(await ended.promise, status.CANCELLED);
    while (west.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(west.seen[0]?.failure, 'downstreamGone');
  });
});
