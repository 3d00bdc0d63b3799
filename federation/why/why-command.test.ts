import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { explainedPayments } from '../../test/fixtures/why-answer.ts';

const CLI = join(import.meta.dirname, '../../cli.ts');

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function isthmus(...args: readonly string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, 'why', ...args], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/** A gateway's admin endpoint that knows one service; tells what it was asked. */
async function gateway(t: TestContext): Promise<{ admin: string; asked: URLSearchParams[] }> {
  const asked: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://gateway').searchParams;
    asked.push(query);
    const known = query.get('service') === 'shop/payments';
    response.writeHead(known ? 200 : 404);
    const problem = { error: 'no service shop/paymnts', hint: 'did you mean shop/payments?' };
    response.end(JSON.stringify(known ? explainedPayments() : problem));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { admin: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('isthmus why', () => {
  it('prints a report, and asks for what it is told to suppose', async (t) => {
    const { admin, asked } = await gateway(t);
    const flags = [
      '--down',
      'west',
      'south',
      '--from',
      'us/us-a',
      '--request',
      'GET /',
      '--caller',
      'spiffe://x/y',
    ];
    const { code, stdout, stderr } = await isthmus('shop/payments', '--admin', admin, ...flags);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^→ 75 % south, 25 % west$/m);
    const [query] = asked;
    assert.deepEqual(query?.getAll('down'), ['west', 'south']);
    assert.equal(query?.get('from'), 'us/us-a');
    assert.equal(query?.get('request'), 'GET /');
    assert.equal(query?.get('caller'), 'spiffe://x/y');
  });

  it('prints JSON and YAML', async (t) => {
    const { admin } = await gateway(t);
    const json = await isthmus('shop/payments', '--admin', admin, '--output', 'json');
    assert.deepEqual(JSON.parse(json.stdout), explainedPayments());
    const yaml = await isthmus('shop/payments', '--admin', admin, '--output', 'yaml');
    assert.deepEqual(parse(yaml.stdout), explainedPayments());
  });

  it('ends with 1 when the gateway cannot tell, with 2 for a wrong command line', async (t) => {
    const { admin } = await gateway(t);
    const unknown = await isthmus('shop/paymnts', '--admin', admin);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /no service shop\/paymnts\n.*did you mean shop\/payments\?/);
    assert.doesNotMatch(unknown.stderr, / at .*\.ts/);
    assert.equal((await isthmus('shop/payments', '--output', 'xml')).code, 2);
    assert.equal((await isthmus()).code, 2);
  });
});
