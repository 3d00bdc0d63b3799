import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { duration, durationFromTo } from '../schema/duration.ts';
import { exactlyOneOf, inCel, notInCel } from '../schema/kubernetes-rule.ts';
import { InexpressibleError } from './json-schema-props.ts';
import { structuralSchema } from './structural-schema.ts';

const text = z.string().max(9).describe('a text');

function of(field: z.ZodType): unknown {
  return structuralSchema(z.strictObject({ field }), 'spec').properties?.field;
}

describe('a structural schema', () => {
  const refused: readonly (readonly [string, z.ZodType, string])[] = [
    ['a field without a description', z.string().max(9), 'has no description: say with .describe()'],
    ['a text without a bound', z.string().describe('a'), 'a text without a greatest length'],
    ['a list without a bound', z.array(text).describe('a'), 'a list without a greatest length'],
    ['an item without a bound', z.array(z.string()).max(2).describe('a'), 'a text without a greatest length'],
    ['a refine without CEL', text.refine(() => true), 'a refine without inCel() or notInCel()'],
    ['a superRefine', text.superRefine(() => undefined), 'a refine without inCel() or notInCel()'],
    [
      'a rule without a message',
      text.refine(() => true, inCel('true')),
      'a rule needs a message of one line',
    ],
    [
      'a rule of a later Kubernetes',
      text.refine(() => true, { message: 'is none', ...inCel('isIP(self)') }),
      'isIP(self) is CEL of a later Kubernetes',
    ],
    ['a pattern with flags', text.regex(/a/i), 'means something else, or nothing, in RE2'],
    ['a pattern that looks ahead', text.regex(/^(?!a)/), 'means something else, or nothing, in RE2'],
    ['a pattern with a large repeat', text.regex(/^a{0,1001}$/), 'means something else, or nothing, in RE2'],
    ['two patterns', text.regex(/a/).regex(/b/), 'pattern is said twice'],
    ['a format', z.email().max(9).describe('a'), 'the format email: say it with .regex()'],
    ['a number of a format', z.int32().describe('a'), 'numbers of format int32: use z.int()'],
    ['a multiple', z.int().multipleOf(2).describe('a'), 'the check multiple_of'],
    ['a transform', z.preprocess(String, text).describe('a'), 'a structural schema has no transform'],
    ['a map', z.record(z.string(), text).describe('a'), 'a structural schema has no record'],
    ['any value', z.unknown().describe('a'), 'a structural schema has no unknown'],
    ['fields of any name', z.looseObject({}).describe('a'), 'fields of any name'],
    ['a union of types', z.union([text, z.int()]).describe('a'), 'a union must be told apart by one field'],
    ['choices of several types', z.literal(['a', true]).describe('a'), 'choices must all be texts'],
    [
      'a field that YAML 1.1 takes for true',
      z.strictObject({ on: text }).describe('a'),
      'this name is true or false',
    ],
    ['an unknown meta', text.meta({ title: 'a' }), 'nobody knows what meta title is for'],
  ];
  for (const [what, field, problem] of refused) {
    it(`is not made of ${what}`, () => {
      assert.throws(
        () => of(field),
        (error) =>
          error instanceof InexpressibleError &&
          error.message.startsWith('spec.field') &&
          error.message.includes(problem),
      );
    });
  }

  it('has durations as text, with their default and their bounds', () => {
    const field = duration
      .refine(...durationFromTo(1, 90_000))
      .default(1_500)
      .describe('a time');
    assert.deepEqual(of(field), {
      description: 'a time',
      type: 'string',
      pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$',
      maxLength: 28,
      default: '1s500ms',
      'x-kubernetes-validations': [
        {
          rule: "duration(self) >= duration('1ms') && duration(self) <= duration('1m30s')",
          message: 'must be from 1ms to 1m30s',
        },
      ],
    });
  });

  it('has rules where they belong, and leaves out what only zod can say', () => {
    const made = structuralSchema(
      z
        .strictObject({ a: text.optional(), b: text.optional() })
        .refine(...exactlyOneOf('a', 'b'))
        .refine(() => true, { message: 'is bad', path: ['a'], ...inCel('has(self.a)') })
        .refine(() => true, { message: 'is worse', ...notInCel('too hard') }),
      'spec',
    );
    assert.deepEqual(made['x-kubernetes-validations'], [
      {
        rule: '[has(self.a), has(self.b)].exists_one(given, given)',
        message: 'needs exactly one of a and b',
      },
      { rule: 'has(self.a)', message: 'is bad', fieldPath: '.a' },
    ]);
    assert.equal(made.required, undefined);
  });

  it('has what must be there as required, and not what has a default', () => {
    const made = structuralSchema(
      z.strictObject({
        a: text,
        b: text.default('x'),
        c: z
          .strictObject({ d: text.default('y') })
          .prefault({})
          .describe('a'),
      }),
      'spec',
    );
    assert.deepEqual(made.required, ['a']);
    assert.deepEqual(made.properties?.b?.default, 'x');
    assert.deepEqual(made.properties?.c?.default, {});
  });

  it('makes one object of variants, with a rule of what each has', () => {
    const field = z
      .discriminatedUnion('type', [
        z.strictObject({ type: z.literal('A').describe('a'), a: text }),
        z.strictObject({ type: z.literal('B').describe('a') }),
      ])
      .describe('either');
    assert.deepEqual(of(field), {
      description: 'either',
      type: 'object',
      properties: {
        type: { description: 'a', type: 'string', enum: ['A', 'B'] },
        a: { description: 'a text', type: 'string', maxLength: 9 },
      },
      required: ['type'],
      'x-kubernetes-validations': [
        { rule: "self.type != 'A' || has(self.a)", message: 'type A needs a' },
        { rule: "self.type != 'B' || !has(self.a)", message: 'type B has no a: remove it' },
      ],
    });
  });
});
