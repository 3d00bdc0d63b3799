import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { Http1CodecServer } from '../fixtures/http1-server.ts';
import { findTool, missingTools } from '../fixtures/requirement.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { type SeenRequest, startHaproxy, startNginx, startNode } from '../fuzz/smuggling/backends.ts';
import { sendAndRead } from '../fuzz/smuggling/sender.ts';
import { HTTP1_CASES } from './http1-cases.ts';
import { EXPLAINED } from './http1-differences.ts';

/** For what is logged a moment after its answer. */
const LOG_PATIENCE_MS = 10_000;
/** For what should not be logged at all, once all that should be is. */
const LOG_QUIET_MS = 500;

interface Reader {
  readonly name: string;
  readonly port: number;
  seen(): readonly SeenRequest[];
}

async function startOurs(t: TestContext): Promise<Reader> {
  const server = await Http1CodecServer.start(t);
  const log: SeenRequest[] = [];
  server.handler.onRequest = (request) => {
    const answer = (): void => {
      const [method, path] = [request.field(':method') ?? '', request.field(':path') ?? ''];
      log.push({
        mutant: request.field('x-mutant') ?? '',
        method,
        path,
        body: request.body.toString('latin1'),
      });
      request.respond(200, 'ok', ['content-length', '2']);
    };
    if (request.ended) answer();
    request.onData = (_piece, endStream) => {
      if (endStream) answer();
    };
    request.requestTrailers = (block) => {
      request.trailers = block;
      answer();
    };
  };
  return { name: 'we', port: server.port, seen: () => log };
}

async function startReaders(t: TestContext): Promise<Reader[]> {
  const lifetime = new Lifetime();
  t.after(() => lifetime.close());
  const folder = tempFolder(t);
  return [
    await startOurs(t),
    await startNode(lifetime),
    await startNginx(lifetime, findTool('nginx') ?? 'nginx', folder),
    await startHaproxy(lifetime, findTool('haproxy') ?? 'haproxy', folder),
  ];
}

/** What each reader made of each case: its requests, and whether it went on to the good one behind them. */
function verdictsOf(readers: readonly Reader[]): Map<string, Map<string, string>> {
  return new Map(
    readers.map(({ name, seen }) => {
      const byCase = Map.groupBy(seen(), idOf);
      return [name, new Map(HTTP1_CASES.map(([title], id) => [title, verdict(byCase.get(id) ?? [])]))];
    }),
  );
}

async function sendAll({ name, port }: Reader): Promise<void> {
  for (const [id, [, text]] of HTTP1_CASES.entries()) {
    const end = `GET /c/${id}/end HTTP/1.1\r\nHost: a.example\r\nX-Mutant: ${id}\r\nConnection: close\r\n\r\n`;
    const bytes = Buffer.from(text.replaceAll('ID', String(id)) + end, 'latin1');
    const { finished } = await sendAndRead(port, [bytes], [], true);
    assert.ok(finished, `${name} does not close after case ${id}`);
  }
}

function idOf({ path, mutant }: SeenRequest): number {
  return Number(/\/c\/([0-9]+)/.exec(path)?.[1] ?? mutant);
}

function verdict(seen: readonly SeenRequest[]): string {
  const requests = seen.map(({ method, path, body }) => {
    const form = `${method} ${path.replace(/^https?:\/\/[^/?]+/i, '').replace(/\/c\/[0-9]+/, '')}`;
    return body === '' ? form : `${form} (${body})`;
  });
  if (requests.at(-1) !== 'GET /end') requests.push('refused');
  return requests.join(', ');
}

function differencesOf(readers: readonly Reader[]): Record<string, string> {
  const verdicts = verdictsOf(readers);
  const ours = verdicts.get('we');
  const differences: Record<string, string> = {};
  for (const [name, theirs] of verdicts) {
    for (const [title, read] of theirs) {
      const own = ours?.get(title);
      if (read !== own) differences[`${name}, ${title}`] = `${read}; we: ${own}`;
    }
  }
  return differences;
}

describe('the same bytes to us, to node:http, nginx and HAProxy', {
  skip: missingTools('nginx', 'haproxy'),
}, () => {
  test('every difference is explained', async (t) => {
    const readers = await startReaders(t);
    await Promise.all(readers.map(sendAll));
    const explained = Object.fromEntries(
      Object.entries(EXPLAINED).map(([key, [difference]]) => [key, difference]),
    );
    const isLogged = (): boolean => isDeepStrictEqual(differencesOf(readers), explained);
    for (let waited = 0; !isLogged() && waited < LOG_PATIENCE_MS; waited += 100) await sleep(100);
    await sleep(LOG_QUIET_MS);
    assert.deepEqual(differencesOf(readers), explained);
  });
});
