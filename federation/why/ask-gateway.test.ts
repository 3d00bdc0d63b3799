import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { explainedPayments } from '../../test/fixtures/why-answer.ts';
import { UserError } from '../model/user-error.ts';
import { askGateway } from './ask-gateway.ts';
import type { GatewayAddress } from './gateway-address.ts';

const QUERY = new URLSearchParams({ service: 'shop/payments', down: 'west' });

async function listen(t: TestContext, listener: RequestListener, path?: string): Promise<GatewayAddress> {
  const server = createServer(listener);
  server.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path });
  await once(server, 'listening');
  t.after(() => server.close());
  if (path !== undefined) return { kind: 'socket', path };
  return { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

function answering(status: number, body: unknown): RequestListener {
  return (_request, response) => {
    response.writeHead(status);
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

async function failure(address: GatewayAddress): Promise<UserError> {
  const error = await askGateway(address, QUERY).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof UserError, String(error));
  return error;
}

describe('asking a gateway', () => {
  it('gets what it answers, without what only a newer gateway says', async (t) => {
    const asked: (string | undefined)[] = [];
    const given = explainedPayments();
    const address = await listen(t, (request, response) => {
      asked.push(request.url);
      response.end(JSON.stringify({ ...given, later: 1, route: { ...given.route, later: 2 } }));
    });
    assert.deepEqual(await askGateway(address, QUERY), given);
    assert.deepEqual(asked, ['/why?service=shop%2Fpayments&down=west']);
  });

  it('works over a unix socket', async (t) => {
    const path = join(tempFolder(t), 'admin.sock');
    const address = await listen(t, answering(200, explainedPayments()), path);
    assert.deepEqual(await askGateway(address, QUERY), explainedPayments());
  });

  it('passes on what the gateway says is wrong, with its hint', async (t) => {
    const problem = { error: 'no service shop/paymnts', hint: 'did you mean shop/payments?' };
    const error = await failure(await listen(t, answering(404, problem)));
    assert.equal(error.message, problem.error);
    assert.equal(error.hint, problem.hint);
  });

  it('does not take anything else for an answer', async (t) => {
    for (const [status, body] of [
      [200, '<html>'],
      [200, {}],
      [200, { route: { ...explainedPayments().route, tiers: [{}] }, access: null }],
      [404, 'not found'],
      [500, {}],
    ] as const) {
      const error = await failure(await listen(t, answering(status, body)));
      assert.match(error.message, /no gateway that understands/);
    }
  });

  it('does not read without end', async (t) => {
    const address = await listen(t, (_request, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(65_536, 'x')));
        response.once('drain', more);
      };
      more();
    });
    assert.match((await failure(address)).message, /longer than/);
  });

  it('says where it asked, and what to do, when nobody is there', async (t) => {
    const address = await listen(t, (request) => request.socket.destroy());
    const cut = await failure(address);
    assert.match(cut.message, /127\.0\.0\.1:\d+ cannot be asked \(ECONNRESET\)/);
    assert.match(cut.hint ?? '', /--admin HOST:PORT/);
    const nobody = await failure({ kind: 'socket', path: join(tempFolder(t), 'none.sock') });
    assert.match(nobody.message, /none\.sock cannot be asked \(ENOENT\)/);
  });
});
