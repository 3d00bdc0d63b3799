import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pattern, patternFault } from './pattern.ts';

/** Texts that match and that do not; each pair is also asked of JavaScript's own expressions. */
const CASES: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['', [''], ['a']],
  ['abc', ['abc'], ['ab', 'abcd', 'xabc']],
  ['^abc$', ['abc'], ['abcd']],
  ['a|bc|', ['a', 'bc', ''], ['abc', 'b']],
  ['/v[0-9]+/.*', ['/v1/', '/v12/x/y'], ['/v/', '/v1', '/w1/']],
  ['(a|b)*c', ['c', 'ababc'], ['abab', 'acb']],
  ['(?:ab){2,3}', ['abab', 'ababab'], ['ab', 'abababab']],
  ['a{2}', ['aa'], ['a', 'aaa']],
  ['a{1,}', ['a', 'aaaa'], ['']],
  ['a??b+?', ['ab', 'b', 'abb'], ['aab']],
  ['[^/]+', ['abc', 'é'], ['a/b', '']],
  ['[a\\-z]', ['a', '-', 'z'], ['b']],
  ['[]a]', [']', 'a'], ['b']],
  ['\\d\\w\\s\\D\\W\\S', ['1a x-y'], ['aa x-y']],
  ['a\\.b\\$', ['a.b$'], ['axb$']],
  ['\\x41\\t', ['A\t'], ['a\t']],
  ['.', ['a', '\xff'], ['\n', '', 'ab']],
  ['(a*)*b', ['b', 'aaab'], ['a']],
  ['(|a)+', ['', 'aa'], ['b']],
  ['(?P<version>v\\d)', ['v1'], ['v']],
  ['{a}', ['{a}'], ['a']],
];

describe('pattern', () => {
  for (const [source, yes, no] of CASES) {
    it(`${JSON.stringify(source)} matches whole texts`, () => {
      const pattern = new Pattern(source);
      for (const text of yes) assert.equal(pattern.matches(text), true, JSON.stringify(text));
      for (const text of no) assert.equal(pattern.matches(text), false, JSON.stringify(text));
    });
  }

  it('folds the case of letters where it begins with (?i)', () => {
    const pattern = new Pattern('(?i)/Api/[a-c]\\x44');
    assert.equal(pattern.matches('/aPI/Bd'), true);
    assert.equal(pattern.matches('/api/dd'), false);
    assert.equal(new Pattern('(?i)[^a]').matches('A'), false);
  });

  it('looks at a part of a text', () => {
    assert.equal(new Pattern('b+').matches('abbc', 1, 3), true);
    assert.equal(new Pattern('b+').matches('abbc', 0, 3), false);
  });

  it('agrees with JavaScript over many made-up pairs', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const made = (depth: number): string => {
      const pick = depth === 0 ? random(3) : random(7);
      if (pick < 2) return 'ab'[pick] as string;
      if (pick === 2) return '[^a]';
      if (pick === 3) return `(${made(depth - 1)}|${made(depth - 1)})`;
      if (pick === 4) return `(${made(depth - 1)})${['*', '+', '?', '{1,2}'][random(4)]}`;
      return made(depth - 1) + made(depth - 1);
    };
    for (let i = 0; i < 400; i++) {
      const source = made(4);
      const pattern = new Pattern(source);
      const own = new RegExp(`^(?:${source})$`);
      for (let j = 0; j < 20; j++) {
        const text = Array.from({ length: random(8) }, () => 'abc'[random(3)]).join('');
        assert.equal(pattern.matches(text), own.test(text), `${source} on ${text}`);
      }
    }
  });

  it('takes no time beyond the length of a text, and forgets what would be too many states', () => {
    // JavaScript's own expressions would need more than 2^60 steps for the first.
    assert.equal(new Pattern('(a+)+b').matches('a'.repeat(8000)), false);
    const many = new Pattern('(a|b)*a(a|b){12}');
    const text = Array.from({ length: 8000 }, (_, i) => ((i * i * 31 + i) % 7 < 3 ? 'a' : 'b')).join('');
    assert.equal(many.matches(text), /a[ab]{12}$/.test(text));
    assert.equal(many.matches(`${text}a${'b'.repeat(12)}`.slice(-8192)), true);
    assert.equal(new Pattern('a*').matches('a'.repeat(8193)), false);
  });

  it('refuses what it does not have, and says where', () => {
    for (const [source, told] of [
      ['(?=a)', /group of a kind/],
      ['(?<!a)b', /group of a kind/],
      ['(a)\\1', /\\1, which is not supported \(at character 5\)/],
      ['\\bword', /\\b, which/],
      ['a$b', /\$ elsewhere/],
      ['a^', /\^ elsewhere/],
      ['(a', /not closed/],
      ['a)', /unmatched/],
      ['[a', /not closed/],
      ['[b-a]', /range/],
      ['[[:alpha:]]', /\[:alpha:\]/],
      ['*a', /nothing before/],
      ['a**', /repetition of a repetition/],
      ['a{3,2}', /no repetition/],
      ['a{9999}', /no repetition/],
      ['(a{100}){100}', /more than 500 steps/],
      ['ж', /Latin-1/],
      ['a\\', /at the end/],
      ['('.repeat(60) + ')'.repeat(60), /in one another/],
      ['a'.repeat(4097), /longer than 4096/],
    ] as const) {
      assert.match(patternFault(source) ?? '', told, source);
    }
    assert.equal(patternFault('/v[0-9]+/.*'), undefined);
  });
});
