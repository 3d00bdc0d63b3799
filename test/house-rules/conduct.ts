import { type Argument, type Expression, type Span, Visitor } from 'oxc-parser';
import type { SourceFile } from '../fixtures/source-tree.ts';
import { isTestCode, type Report } from './rule.ts';

/** The one place that may skip a test, because it alone knows when a skip must fail. */
const skipsTests = 'test/fixtures/requirement.ts';

const testCalls = ['it', 'test', 'describe', 'suite'];

export function noAny(file: SourceFile, report: Report): void {
  const rule = 'any: say unknown, or the type';
  new Visitor({ TSAnyKeyword: ({ start }) => report(start, rule) }).visit(file.program);
}

export function noExcuse(file: SourceFile, report: Report): void {
  for (const { value, start } of file.comments) {
    const suppression = /@ts-(ignore|expect-error|nocheck)/.exec(value);
    if (suppression !== null) report(start, `${suppression[0]}: satisfy the compiler`);
    const promise = /\b(TODO|FIXME|XXX|HACK)\b/.exec(value);
    if (promise !== null) report(start, `${promise[0]}: do it, or leave it out`);
  }
}

export function noSwallowedError(file: SourceFile, report: Report): void {
  const rule = 'an error is swallowed: handle it, or say why it does not matter';
  const check = (block: Span & { body: readonly unknown[] }): void => {
    const reason = file.comments.some(({ start, end }) => start > block.start && end < block.end);
    if (block.body.length === 0 && !reason) report(block.start, rule);
  };
  new Visitor({
    CatchClause: ({ body }) => check(body),
    CallExpression: ({ callee, arguments: args }) => {
      const [handler] = args;
      if (memberName(callee) !== 'catch' || handler?.type !== 'ArrowFunctionExpression') return;
      if (handler.body.type === 'BlockStatement') check(handler.body);
    },
  }).visit(file.program);
}

export function noSkippedTest(file: SourceFile, report: Report): void {
  if (!isTestCode(file) || file.path === skipsTests) return;
  const rule = `every test runs: skip only through ${skipsTests}`;
  new Visitor({
    CallExpression: ({ start, callee, arguments: args }) => {
      const name = memberName(callee);
      if (name === 'skip' || name === 'only' || name === 'todo') report(start, rule);
      const calls = callee.type === 'Identifier' ? callee.name : name;
      if (calls !== undefined && testCalls.includes(calls) && args.some(skips)) report(start, rule);
    },
  }).visit(file.program);
}

/** Options such as `{ skip: true }`; what missingTools answers may be the reason, named or called in place. */
function skips(options: Argument): boolean {
  if (options.type !== 'ObjectExpression') return false;
  return options.properties.some((property) => {
    if (property.type !== 'Property' || property.key.type !== 'Identifier') return false;
    const { name } = property.key;
    if (name === 'only' || name === 'todo') return true;
    return (
      name === 'skip' && property.value.type !== 'CallExpression' && property.value.type !== 'Identifier'
    );
  });
}

/** In the package each file ends in .js, so a file that is named in a call (to fork it, say) is not found. */
export function noSourceFileInCall(file: SourceFile, report: Report): void {
  if (isTestCode(file) || file.path === 'isthmus.js') return;
  const check = ({ arguments: args }: { arguments: Argument[] }): void => {
    for (const argument of args) {
      if (/\w\.ts$/.test(textEnd(argument))) {
        report(argument.start, 'a source file by its name: take the ending from import.meta.filename');
      }
    }
  };
  new Visitor({ CallExpression: check, NewExpression: check }).visit(file.program);
}

function textEnd(argument: Argument): string {
  if (argument.type === 'TemplateLiteral') return argument.quasis.at(-1)?.value.raw ?? '';
  return argument.type === 'Literal' && typeof argument.value === 'string' ? argument.value : '';
}

function memberName(callee: Expression): string | undefined {
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return undefined;
  return callee.property.name;
}
