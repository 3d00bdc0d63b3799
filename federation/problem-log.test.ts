import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { LogPace } from './log-pace.ts';
import { UserError } from './model/user-error.ts';
import { ProblemLog } from './problem-log.ts';
import { ManualClock } from './runtime/clock.ts';

function setUp() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)).msg);
      done();
    },
  });
  const pace = new LogPace(clock);
  return { clock, lines, pace, problems: new ProblemLog(pino({}, stream), pace) };
}

const AWAY = new UserError('does not answer');
const REFUSES = new UserError('refuses the password');

describe('the log of problems', () => {
  it('has a line when one comes, changes and goes, and none when it is looked at again', () => {
    const { lines, problems } = setUp();
    for (const problem of [undefined, AWAY, AWAY, REFUSES, undefined, undefined]) {
      problems.tell('store', problem);
    }
    problems.tellState(['disk full', 'trust old']);
    problems.tellState(['trust old', 'disk full']);
    problems.tellState(['trust old']);
    assert.deepEqual(lines, [
      'store: does not answer',
      'store: refuses the password',
      'store: works again',
      'disk full',
      'trust old',
      'no longer: disk full',
    ]);
  });

  it('is not flooded by a store that alternates between reasons, and ends with the last', () => {
    const { clock, lines, problems } = setUp();
    for (let index = 0; index < 10_000; index++) {
      problems.tell('store', index % 2 === 0 ? AWAY : REFUSES);
      clock.advance(10);
    }
    assert.ok(lines.length <= 10 + 100_000 / 5000, `${lines.length} lines`);
    problems.tell('store', AWAY);
    problems.tell('store', undefined);
    clock.advance(5000);
    assert.equal(lines.at(-1), 'store: works again');
  });

  it('tells of one subject while another is told too often', () => {
    const { lines, problems } = setUp();
    for (let index = 0; index < 100; index++) problems.tell('store', index % 2 === 0 ? AWAY : REFUSES);
    problems.tellState(['disk full']);
    assert.equal(lines.at(-1), 'disk full');
  });

  it('tells what went while nothing could be told', () => {
    const { clock, lines, problems } = setUp();
    for (let index = 0; index < 50; index++) problems.tellState([`problem ${index}`]);
    clock.advance(5000);
    assert.ok(lines.includes('problem 49') && !lines.includes('problem 30'));
    problems.tellState([]);
    clock.advance(5000);
    assert.equal(lines.at(-1), 'no longer: problem 49');
  });
});

describe('the pace of the log', () => {
  it('says how much was not said, and says the last when it is closed', () => {
    const { clock, pace } = setUp();
    const said: string[] = [];
    const tell = (index: number): void =>
      pace.tell('west', (suppressed) => said.push(`${index} after ${suppressed}`));
    for (let index = 0; index < 15; index++) tell(index);
    assert.equal(said.length, 10);
    clock.advance(5000);
    assert.equal(said.at(-1), '14 after 4');
    tell(15);
    pace.close();
    assert.equal(said.at(-1), '15 after 0');
  });

  it('is shared by names without end', () => {
    const { clock, pace } = setUp();
    let said = 0;
    for (let index = 0; index < 100_000; index++) pace.tell(`name-${index}`, () => said++);
    assert.ok(said <= 5020, `${said} lines`);
    clock.advance(60_000);
    pace.tell('name-1', () => said++);
    const before = said;
    pace.tell('a name of its own', () => said++);
    assert.equal(said, before + 1, 'the others are forgotten');
  });
});
