import { basename } from 'node:path';
import { type Expression, type Statement, Visitor } from 'oxc-parser';
import type { SourceFile } from '../fixtures/source-tree.ts';
import type { Report } from './rule.ts';

const longestFile = 400;
const longestFunction = 60;

/** Names that say nothing, and so collect everything. */
const emptyName = /^(utils?|common|helpers?|misc|shared|types|index)\.[cm]?[jt]s$/;

const collections = ['Map', 'Set', 'WeakMap', 'WeakSet', 'Array'];

export function fileName(file: SourceFile, report: Report): void {
  const name = basename(file.path);
  if (emptyName.test(name)) report(0, `a file is named after what is in it, not ${name}`);
}

export function fileLength(file: SourceFile, report: Report): void {
  const lines = file.lineAt(file.text.trimEnd().length);
  if (lines > longestFile) report(0, `${lines} lines; a file has at most ${longestFile}`);
}

export function functionLength(file: SourceFile, report: Report): void {
  const suites = new Set<number>();
  const check = (node: { start: number; end: number }): void => {
    const lines = file.lineAt(node.end) - file.lineAt(node.start) + 1;
    if (lines <= longestFunction || suites.has(node.start)) return;
    report(node.start, `${lines} lines; a function has at most ${longestFunction}`);
  };
  new Visitor({
    // A suite only lists its tests, each of which is a function of its own.
    CallExpression: ({ callee, arguments: args }) => {
      if (callee.type !== 'Identifier' || !['describe', 'suite'].includes(callee.name)) return;
      for (const argument of args) suites.add(argument.start);
    },
    FunctionDeclaration: check,
    FunctionExpression: check,
    ArrowFunctionExpression: check,
  }).visit(file.program);
}

/** A file that only passes on what others export hides where things are. */
export function noBarrel(file: SourceFile, report: Report): void {
  const statements = file.program.body;
  const passesOn = (statement: (typeof statements)[number]): boolean =>
    statement.type === 'ExportAllDeclaration' ||
    (statement.type === 'ExportNamedDeclaration' && statement.source !== null);
  if (statements.length > 0 && statements.every(passesOn)) report(0, 'a barrel: import from where it is');
}

/** State has an owner that makes it and ends it; a module's own state outlives every test and restart. */
export function noMutableModuleState(file: SourceFile, report: Report): void {
  for (const statement of file.program.body) {
    const declaration =
      statement.type === 'ExportNamedDeclaration' ? statement.declaration : (statement as Statement);
    if (declaration?.type !== 'VariableDeclaration') continue;
    for (const { start, id, init } of declaration.declarations) {
      const annotation = id.typeAnnotation ?? null;
      const type = annotation === null ? '' : file.text.slice(annotation.start, annotation.end);
      const mutable = declaration.kind !== 'const' || (!/readonly/i.test(type) && startsEmpty(init));
      if (mutable) report(start, 'module-level mutable state: give it an owner');
    }
  }
}

/** What is empty in the beginning is there to be filled. */
function startsEmpty(value: Expression | null): boolean {
  if (value?.type === 'ArrayExpression') return value.elements.length === 0;
  if (value?.type !== 'NewExpression' || value.callee.type !== 'Identifier') return false;
  return collections.includes(value.callee.name) && value.arguments.length === 0;
}
