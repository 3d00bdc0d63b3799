import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Lifetime } from '../../../federation/runtime/lifetime.ts';
import { missingTools } from '../../fixtures/requirement.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import type { LoggingBackend, SeenRequest } from './backends.ts';
import { describeDisagreement, runCampaign } from './campaign.ts';
import { startWorld } from './gateways.ts';
import { type Mutant, makeMutant } from './mutants.ts';
import { readRequests } from './reference.ts';
import type { Answers } from './sender.ts';
import { compare } from './verdict.ts';

const MUTANTS = 400;

describe('smuggling', { skip: missingTools('nginx', 'haproxy') }, () => {
  test('senders, the gateways and real backends count the same requests', async (t) => {
    const lifetime = new Lifetime();
    t.after(() => lifetime.close());
    const world = await startWorld(lifetime, tempFolder(t));
    const seed = 1;
    const report = await runCampaign(world, { mutants: MUTANTS, seed });
    assert.deepEqual(
      report.disagreements.map((each) => describeDisagreement(each, seed)),
      [],
    );
    assert.deepEqual(report.leftovers, []);
    // A campaign in which all is refused, or nothing is, would prove nothing.
    assert.equal(report.mutants, MUTANTS);
    assert.ok(report.forwarded > MUTANTS / 2, `${report.forwarded} were forwarded`);
    assert.ok(report.refused > MUTANTS / 4, `${report.refused} were refused`);
  });
});

describe("the senders' own reading", () => {
  const head = 'POST /a HTTP/1.1\r\nHost: b\r\n';
  const cases: ReadonlyArray<readonly [name: string, text: string, bodies: readonly string[], rest: string]> =
    [
      ['a length, then another', `${head}Content-Length: 2\r\n\r\nhi${head}\r\n`, ['hi', ''], 'nothing'],
      [
        'chunks and trailers',
        `${head}Transfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\nB: c\r\n\r\n`,
        ['a'],
        'nothing',
      ],
      ['half a body', `${head}Content-Length: 3\r\n\r\nhi`, [], 'incomplete'],
      [
        'two framings',
        `${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        [],
        'refused',
      ],
      ['a folded line', `${head}X: a\r\n b\r\n\r\n`, [], 'refused'],
      ['a bare LF', `${head}X: a\nY: b\r\n\r\n`, [], 'refused'],
      [
        'a chunk that is too long',
        `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`,
        [],
        'refused',
      ],
      ['Connection: close', `${head}Connection: close\r\n\r\nrest`, [''], 'close'],
    ];
  for (const [name, text, bodies, rest] of cases) {
    test(name, () => {
      const reading = readRequests(text);
      assert.deepEqual([reading.requests.map(({ body }) => body), reading.rest], [bodies, rest]);
    });
  }
});

describe('what counts as a disagreement', () => {
  const backend: LoggingBackend = { name: 'node', port: 1, seen: () => [] };
  const first = { method: 'POST', path: '/m/7/1', body: 'hello', handshake: false };
  const mutant: Mutant = {
    ...makeMutant(7, 1, 'node.shop'),
    sent: { requests: [first, { ...first, path: '/m/7/2' }], rest: 'nothing' },
  };
  const answers = mutant.sent.requests.map(() => ({ status: 400, backend: undefined }));
  const problems = (seen: readonly SeenRequest[], answered: Answers): number =>
    compare([{ mutant, backend, answered }], seen).length;

  test('a request that nobody sent, or that was refused, or that never ends', () => {
    assert.equal(problems([], { answers, finished: true }), 0);
    const smuggled = { mutant: '7', method: 'GET', path: '/smuggled/7', body: '' };
    assert.equal(problems([smuggled], { answers, finished: true }), 1);
    assert.equal(problems([{ ...smuggled, path: '/smuggled/8' }], { answers, finished: true }), 1);
    assert.equal(problems([], { answers, finished: false }), 1);
  });

  test('another body, and an answer without a request', () => {
    const forwarded = [{ status: 200, backend: 'node' }, ...answers.slice(1)];
    const same = {
      mutant: '7',
      method: first?.method ?? '',
      path: first?.path ?? '',
      body: first?.body ?? '',
    };
    assert.equal(problems([same], { answers: forwarded, finished: true }), 0);
    assert.equal(problems([{ ...same, body: `${same.body}x` }], { answers: forwarded, finished: true }), 1);
    assert.equal(problems([], { answers: forwarded, finished: true }), 1);
  });
});
