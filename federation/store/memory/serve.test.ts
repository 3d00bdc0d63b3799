import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { UserError } from '../../model/user-error.ts';
import { MAX_BATCH_CHANGES, MAX_HEAD_BYTES } from '../limits.ts';
import { CALL_METHOD, MAX_REQUEST_BYTES } from './protocol.ts';
import { type MemoryStoreServer, serveMemoryStore } from './serve.ts';

describe('the store process', () => {
  let server: MemoryStoreServer;
  let client: Client;
  before(async () => {
    server = await serveMemoryStore({ host: '127.0.0.1', port: 0 });
    client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
  });
  after(async () => {
    client.close();
    await server.close();
  });

  function send(message: Buffer): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { path, responseDeserialize } = CALL_METHOD;
      client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        responseDeserialize,
        message,
        (failure, response) => (failure === null ? resolve(response) : reject(failure)),
      );
    });
  }

  async function refusal(message: unknown): Promise<ServiceError> {
    const bytes = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message));
    const failure = await send(bytes).then(
      () => undefined,
      (error: ServiceError) => error,
    );
    assert.ok(failure !== undefined, 'was refused');
    return failure;
  }

  const change = { field: 'shop/cart', version: 1, text: '{}' };
  const commit = {
    call: 'commit',
    cluster: 'west',
    epoch: 1,
    changes: [change],
    head: '',
    previousHead: '',
    size: 1,
  };
  const BAD: Readonly<Record<string, unknown>> = {
    'no call': {},
    'an unknown call': { call: 'shutdown' },
    'a cluster that is no label': { call: 'readAll', cluster: '../x' },
    'a text for a number': { ...commit, epoch: '1' },
    'no base64': { ...commit, head: '§' },
    'a head that is too long': { ...commit, head: Buffer.alloc(MAX_HEAD_BYTES + 3).toString('base64') },
    'too many changes': { ...commit, changes: Array.from({ length: MAX_BATCH_CHANGES + 1 }, () => change) },
    'a wait without end': { call: 'readLog', positions: [], blockMs: 1e9 },
    'a position that is none': { call: 'readLog', positions: [['west', '$']], blockMs: 0 },
  };
  for (const [name, message] of Object.entries(BAD)) {
    it(`refuses ${name}`, async () => {
      assert.equal((await refusal(message)).code, status.INVALID_ARGUMENT);
    });
  }

  it('refuses what is no JSON and what is too large, and goes on', async () => {
    await refusal(Buffer.from('{'));
    assert.equal((await refusal(Buffer.alloc(MAX_REQUEST_BYTES + 1))).code, status.RESOURCE_EXHAUSTED);
    assert.deepEqual(await send(Buffer.from('{"call":"members"}')), { result: [] });
  });

  it('names the address that it cannot have', async () => {
    await assert.rejects(serveMemoryStore({ host: '127.0.0.1', port: server.port }), (failure) => {
      assert.ok(failure instanceof UserError);
      assert.match(failure.message, new RegExp(`127\\.0\\.0\\.1:${server.port}`));
      return failure.hint !== undefined;
    });
  });
});
