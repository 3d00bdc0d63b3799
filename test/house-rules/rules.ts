import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, readSourceTree, type SourceFile } from '../fixtures/source-tree.ts';
import { noAny, noExcuse, noSkippedTest, noSourceFileInCall, noSwallowedError } from './conduct.ts';
import type { Rule } from './rule.ts';
import { fileLength, fileName, functionLength, noBarrel, noMutableModuleState } from './shape.ts';

const rules: readonly Rule[] = [
  fileName,
  fileLength,
  functionLength,
  noBarrel,
  noMutableModuleState,
  noAny,
  noExcuse,
  noSwallowedError,
  noSkippedTest,
  noSourceFileInCall,
];

const topFolders = ['charts', 'clusters', 'federation', 'gateway', 'test', 'trust'];

/** Every breach of the house rules below a root, one line each. */
export function houseRuleBreaches(root: string): readonly string[] {
  return [...readSourceTree(root).flatMap(breachesIn), ...folderBreaches(root)];
}

/** Generated code is nobody's writing. */
function breachesIn(file: SourceFile): readonly string[] {
  if (file.path.includes('/gen/')) return [];
  const breaches: string[] = [];
  for (const rule of rules) {
    rule(file, (offset, text) => breaches.push(`${file.path}:${file.lineAt(offset)}: ${text}`));
  }
  return breaches;
}

function folderBreaches(root: string): readonly string[] {
  const folders = new Set(
    filesBelow(root)
      .filter((path) => path.includes('/'))
      .map((path) => path.slice(0, path.indexOf('/'))),
  );
  return [...folders].flatMap((folder) => {
    if (!topFolders.includes(folder)) return [`${folder}: not one of the folders that the house plan has`];
    return existsSync(join(root, folder, 'README.md')) ? [] : [`${folder}: no README.md tells its journey`];
  });
}
