import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ProgramError, runProgram } from './program.ts';

const SHELL = '/bin/sh';

it('runProgram answers what the program wrote, and gives it input and environment', async () => {
  const written = await runProgram(SHELL, ['-c', 'cat; echo $COLOUR; echo aside >&2'], {
    input: 'in\n',
    env: { COLOUR: 'red' },
  });
  assert.equal(written, 'in\nred\n');
});

it('runProgram tells how a program ended and what it said', async () => {
  await assert.rejects(runProgram(SHELL, ['-c', 'echo done; echo why >&2; exit 3']), (error) => {
    assert.ok(error instanceof ProgramError);
    assert.match(error.message, /exit 3: ended with 3\nwhy\ndone$/);
    return true;
  });
  await assert.rejects(runProgram(SHELL, ['-c', 'kill -9 $$']), /ended with SIGKILL/);
  await assert.rejects(runProgram('/no/such/program', []), /ENOENT/);
});

it('runProgram kills a program that does not end in time', async () => {
  await assert.rejects(runProgram('sleep', ['1000'], { timeoutMs: 1 }), /sleep 1000: not done in 1 ms/);
});

it('runProgram does not mind a program that ends without reading its input', async () => {
  assert.equal(await runProgram(SHELL, ['-c', 'exit 0'], { input: 'x'.repeat(1_000_000) }), '');
});
