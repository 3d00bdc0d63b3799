import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { confirmationAt } from './confirmation.ts';

function terminal(isTTY = true) {
  const [stdin, stderr] = [new PassThrough(), new PassThrough()];
  return { stdin: Object.assign(stdin, { isTTY }), stderr: Object.assign(stderr, { isTTY }) };
}

describe('a question', () => {
  for (const [typed, answer] of [
    ['y\n', true],
    ['YES\n', true],
    ['\n', false],
    ['n\n', false],
    ['yesterday\n', false],
    ['', false],
  ] as const) {
    it(`is answered by ${JSON.stringify(typed)}: ${answer}`, async () => {
      const { stdin, stderr } = terminal();
      let shown = '';
      stderr.on('data', (chunk: Buffer) => {
        shown += chunk.toString('utf8');
      });
      const answering = confirmationAt({ stdin, stderr })?.('Leave?');
      stdin.end(typed);
      assert.equal(await answering, answer);
      assert.match(shown, /Leave\? \[y\/N\] /);
    });
  }

  it('is not asked where nobody sits', () => {
    assert.equal(confirmationAt(terminal(false)), undefined);
  });
});
