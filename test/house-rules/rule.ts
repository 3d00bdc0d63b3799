import type { SourceFile } from '../fixtures/source-tree.ts';

/** Tells of one breach, at an offset in the file's text. */
export type Report = (offset: number, text: string) => void;

/** Reads one file and reports each breach of one house rule. */
export type Rule = (file: SourceFile, report: Report) => void;

export function isTestCode(file: SourceFile): boolean {
  return file.path.startsWith('test/') || file.path.endsWith('.test.ts');
}
