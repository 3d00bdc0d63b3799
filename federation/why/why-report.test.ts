import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainedPayments } from '../../test/fixtures/why-answer.ts';
import { textTable } from './text-table.ts';
import { type ReportStyles, whyReport } from './why-report.ts';

const plain = (text: string) => text;
const PLAIN: ReportStyles = { strong: plain, faint: plain, good: plain, bad: plain, careful: plain };
const marked = (mark: string) => (text: string) => `<${mark}>${text}</${mark}>`;

describe('report', () => {
  const report = whyReport(explainedPayments(), PLAIN);

  it('begins with the result and the sentences that lead to it', () => {
    assert.deepEqual(report.split('\n').slice(0, 5), [
      'shop/payments:http from east (eu/eu-a), policy default, 2023-11-14T22:13:20.000Z',
      '',
      '→ 75 % south, 25 % west',
      '  Tier 2 takes 25 %: 4 of 4 hosts healthy, times 1.4 = 100 %, capped at 25 %.',
      '  Tier 3 takes 75 %: 2 of 3 hosts healthy, times 1.4 = 93 %; the tiers before it leave 75 %.',
    ]);
  });

  it('has each cluster, tier and group, and when it will change', () => {
    assert.match(
      report,
      /^west +25 % +4 +0 +0 +4 +1 m +12 s +answers +25 % of its share: step 2 of 4, the next in 5 s \(unreachable/m,
    );
    assert.match(report, /^ +2 +same region +4 +0 +0 +4 +25 % +25 % +0 % +25 % +-$/m);
    assert.match(report, /^ +3 +south +us\/us-a +2 +3 +3 +100 % +75 %$/m);
    assert.match(report, /hold-down 30 s, then 10, 25, 50, 100 % every 10 s/);
    assert.match(report, /the clock alone changes it in 5 s/);
  });

  it('tells how an endpoint is chosen, and which are in their slow start', () => {
    const lines = report.split('\n');
    const start = lines.indexOf('Among the endpoints of east, policy default:');
    assert.deepEqual(lines.slice(start + 2, start + 7), [
      '  Slow start: a new endpoint begins with 10 % of its weight and has all after 30 s.',
      '  eu/eu-a: 2 of 3 healthy, 1 degraded, 1 in slow start',
      '    10.0.0.3:8080 has 20 % of its weight, all of it in 24 s',
      '  eu/eu-b: 1 of 1 healthy',
      'In any other cluster its own gateway chooses, by the policy that the service has there.',
    ]);
    assert.match(lines[start + 1] ?? '', /^ {2}Power of two choices with peak EWMA: /);
  });

  it('names ten endpoints in slow start and counts the others; says where there is none at all', () => {
    const { balancing, ...answer } = explainedPayments();
    const [place] = balancing.localities;
    const [one] = place?.warming ?? [];
    assert.ok(place !== undefined && one !== undefined);
    const crowd = { ...place, warming: Array.from({ length: 12 }, () => one) };
    const crowded = whyReport({ ...answer, balancing: { ...balancing, localities: [crowd] } }, PLAIN);
    assert.equal(crowded.match(/all of it in 24 s/g)?.length, 10);
    assert.match(crowded, /^ {4}and 2 more$/m);
    const without = whyReport({ ...answer, balancing: { ...balancing, localities: [] } }, PLAIN);
    assert.match(without, /^ {2}There are none\.$/m);
  });

  it('leaves no blanks at the end of a line', () => {
    assert.doesNotMatch(report, / $/m);
  });

  it('says what is supposed, and who would be let in', () => {
    const { route, balancing } = explainedPayments();
    const supposed = { down: ['west'], from: { region: 'us', zone: 'us-a' } };
    const access = { allowed: false, reason: 'denied by rule 1 for an anonymous caller in east' };
    const told = whyReport(
      { route: { ...route, supposed }, balancing, access, upstream: null, handling: [], rules: [] },
      PLAIN,
    );
    assert.match(told, /^Supposed: west is down, the caller is in us\/us-a\.$/m);
    assert.match(told, /^denied by rule 1/m);
  });

  it('says how pods here are spoken to, where there are any', () => {
    const handling = ['A request may take 10 s.'];
    const told = whyReport({ ...explainedPayments(), upstream: 'HTTP/2 in plaintext.', handling }, PLAIN);
    assert.ok(told.includes('  A request may take 10 s.\n'));
    assert.match(told, /^ {2}To the pods of east: HTTP\/2 in plaintext\.$/m);
    assert.doesNotMatch(report, /To the pods/);
  });

  it('begins with the rule that a request goes by, where it was asked for one', () => {
    const told = whyReport(
      { ...explainedPayments(), rules: ['By HTTPRoute shop/payments rules[0].'] },
      PLAIN,
    );
    assert.deepEqual(told.split('\n').slice(1, 4), ['', 'By HTTPRoute shop/payments rules[0].', '']);
  });

  it('shows what is bad as bad, and 503 where nothing is served', () => {
    const { route, balancing } = explainedPayments();
    const styles = { ...PLAIN, bad: marked('bad'), careful: marked('careful') };
    assert.match(
      whyReport(
        { route: { ...route, shares: [] }, balancing, access: null, upstream: null, handling: [], rules: [] },
        styles,
      ),
      /→ <bad>503<\/bad>/,
    );
    assert.match(
      whyReport({ route, balancing, access: null, upstream: null, handling: [], rules: [] }, styles),
      /<careful>25 %<\/careful>/,
    );
  });
});

describe('text table', () => {
  it('has columns of equal width, numbers at the right, styles that do not count', () => {
    const lines = textTable([
      [{ text: 'NAME' }, { text: 'N', right: true }, { text: '' }],
      [{ text: 'a', style: marked('b') }, { text: '1000', right: true }, { text: 'end' }],
      [],
    ]);
    assert.deepEqual(lines, ['NAME     N', '<b>a</b>     1000  end', '']);
  });
});
