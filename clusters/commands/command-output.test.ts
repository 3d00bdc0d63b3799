import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { elapsed } from '../../federation/model/elapsed.ts';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { columns } from './command-output.ts';

const ESCAPE = String.fromCharCode(27);

describe("a command's output", () => {
  it('is one document where a program reads it', () => {
    const value = { cluster: 'east', peers: ['west'] };
    const json = new CapturedOutput('json');
    json.output.result(value, () => 'for a person');
    assert.deepEqual(JSON.parse(json.stdout), value);
    const yaml = new CapturedOutput('yaml');
    yaml.output.result(value, () => 'for a person');
    assert.deepEqual(parse(yaml.stdout), value);
    const text = new CapturedOutput('text');
    text.output.result(value, () => 'for a person');
    assert.equal(text.stdout, 'for a person\n');
  });

  it('has notes, progress and colours only on a terminal, warnings everywhere', () => {
    const say = ({ output }: CapturedOutput): void => {
      output.note('next');
      output.progress('waiting');
      output.warn('look out');
      output.result({}, () => output.style('green', 'done'));
    };
    const piped = new CapturedOutput();
    say(piped);
    assert.deepEqual([piped.stdout, piped.stderr], ['done\n', 'warning: look out\n']);
    const terminal = new CapturedOutput('text', { isTTY: true });
    say(terminal);
    assert.ok(terminal.stdout.includes(ESCAPE) && terminal.stdout.includes('done'));
    for (const sentence of ['next', 'waiting', 'look out']) assert.ok(terminal.stderr.includes(sentence));
  });

  it('has no colours where NO_COLOR is set', (t) => {
    const before = process.env.NO_COLOR;
    process.env.NO_COLOR = '1';
    t.after(() => {
      if (before === undefined) delete process.env.NO_COLOR;
      else process.env.NO_COLOR = before;
    });
    const terminal = new CapturedOutput('text', { isTTY: true });
    terminal.output.result({}, () => terminal.output.style('red', 'no'));
    assert.equal(terminal.stdout, 'no\n');
  });

  it('aligns columns without trailing space', () => {
    assert.equal(
      columns([
        ['A', 'B'],
        ['long', 'x'],
        ['', 'y'],
      ]),
      'A     B\nlong  x\n      y',
    );
  });

  it('gives times in the unit that suits them', () => {
    const times = [0, 9_900, 60_000, 600_000, 7_200_000, 90 * 86_400_000].map(elapsed);
    assert.deepEqual(times, ['0.0 s', '9.9 s', '60 s', '10 min', '2 h', '90 days']);
  });
});
