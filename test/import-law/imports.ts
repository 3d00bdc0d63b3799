import { type StringLiteral, Visitor } from 'oxc-parser';
import type { SourceFile } from '../fixtures/source-tree.ts';

/** One place where a file names another file, a package, or a part of Node. */
export interface Import {
  readonly line: number;
  /** Undefined when the name is computed, so that nobody can tell what it is. */
  readonly specifier: string | undefined;
  /** The whole statement is erased; a statement that names only types but lacks `type` still loads the file. */
  readonly typeOnly: boolean;
}

/** Imports, re-exports, dynamic imports, `import('…')` types and `import x = require('…')`. */
export function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = [];
  const add = (offset: number, source: StringLiteral | null, typeOnly: boolean): void => {
    if (source !== null) found.push({ line: file.lineAt(offset), specifier: source.value, typeOnly });
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.start, node.source, node.importKind === 'type'),
    ExportNamedDeclaration: (node) => add(node.start, node.source, node.exportKind === 'type'),
    ExportAllDeclaration: (node) => add(node.start, node.source, node.exportKind === 'type'),
    TSImportType: (node) => add(node.start, node.source, true),
    TSExternalModuleReference: (node) => add(node.start, node.expression, false),
    ImportExpression: ({ start, source }) => {
      const specifier =
        source.type === 'Literal' && typeof source.value === 'string' ? source.value : undefined;
      found.push({ line: file.lineAt(start), specifier, typeOnly: false });
    },
  }).visit(file.program);
  return found;
}
