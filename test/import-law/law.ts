import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { readSourceTree } from '../fixtures/source-tree.ts';
import { cyclesIn } from './cycles.ts';
import { type Import, importsOf } from './imports.ts';
import { importLaw, type Row, testFixtures } from './table.ts';

/** A broken rule and the place, as one line to print. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
}

interface Dependencies {
  /** What the package brings along when it is installed. */
  readonly shipped: ReadonlySet<string>;
  /** That, and what is there only for development. */
  readonly all: ReadonlySet<string>;
}

/** All breaches of the import law in the tree below a root, import cycles included. */
export function importLawViolations(root: string): readonly Violation[] {
  const files = readSourceTree(root);
  const known = new Set(files.map((file) => file.path));
  const dependencies = readDependencies(root);
  const graph = new Map<string, string[]>();
  const violations: Violation[] = [];
  for (const file of files) {
    const targets: string[] = [];
    graph.set(file.path, targets);
    for (const found of importsOf(file)) {
      const target = targetOf(file.path, found.specifier);
      if (target !== undefined) targets.push(target);
      const rule = brokenRule(file.path, found, target, known, dependencies);
      if (rule !== undefined) violations.push({ path: file.path, line: found.line, rule });
    }
    if (rowOf(file.path) === undefined) {
      violations.push({ path: file.path, line: 1, rule: 'the import law has no row for this place' });
    }
  }
  for (const cycle of cyclesIn(graph)) {
    violations.push({ path: cycle[0] ?? '', line: 1, rule: `import cycle: ${cycle.join(' → ')}` });
  }
  return violations;
}

function readDependencies(root: string): Dependencies {
  const path = join(root, 'package.json');
  const manifest: Partial<Record<string, Record<string, string>>> = existsSync(path)
    ? JSON.parse(readFileSync(path, 'utf8'))
    : {};
  const shipped = Object.keys(manifest.dependencies ?? {});
  return {
    shipped: new Set(shipped),
    all: new Set([...shipped, ...Object.keys(manifest.devDependencies ?? {})]),
  };
}

/** The file that a relative import names; undefined for packages, Node's own modules and computed names. */
function targetOf(path: string, specifier: string | undefined): string | undefined {
  return specifier?.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
}

function brokenRule(
  path: string,
  found: Import,
  target: string | undefined,
  known: ReadonlySet<string>,
  dependencies: Dependencies,
): string | undefined {
  const row = rowOf(path);
  if (row === undefined) return undefined;
  if (found.specifier === undefined) {
    // The launcher has two entries to choose from, and must not load what the other Node would.
    return row.part === 'launcher' ? undefined : 'a computed import cannot be checked: name the file';
  }
  if (target !== undefined)
    return known.has(target) ? brokenFileRule(path, row, found, target) : `${target} is not there`;
  if (found.specifier.startsWith('node:')) return brokenBuiltinRule(path, row, found.specifier);
  return brokenPackageRule(path, row, found.specifier, dependencies);
}

function brokenFileRule(path: string, row: Row, found: Import, target: string): string | undefined {
  if (isTest(target)) return `nobody imports a test: ${target}`;
  // A unit test stands beside its file, whoever else may import that.
  if (path === target.replace(/\.ts$/, '.test.ts')) return undefined;
  const targetRow = rowOf(target);
  if (targetRow === undefined) return `the import law has no row for ${target}`;
  if (covers(testFixtures, target)) {
    return isTest(path) || row.part === 'test' ? undefined : `only tests may import ${testFixtures}/`;
  }
  if (targetRow.part === row.part && row.part !== 'command') return undefined;
  const only = targetRow.importedOnlyBy;
  if (only !== undefined) {
    if (only.some((importer) => covers(importer, path))) return undefined;
    return `${targetRow.path} is imported ${only.length === 0 ? 'by nobody' : `only by ${only.join(', ')}`}`;
  }
  if (row.mayImport === 'every part' || row.mayImport.includes(targetRow.part)) return undefined;
  if (row.mayImportTypesOf?.includes(targetRow.part)) {
    return found.typeOnly ? undefined : `${row.part} may import of ${targetRow.part} only types: import type`;
  }
  return `${row.part} may import ${list(row.mayImport)}, not ${targetRow.part} (${target})`;
}

function brokenBuiltinRule(path: string, row: Row, specifier: string): string | undefined {
  if (isTest(path)) return undefined;
  if (!row.builtins) return `${row.part} imports nothing of Node: ${specifier}`;
  return row.bannedBuiltins?.includes(specifier) ? `${row.part} must not use ${specifier}` : undefined;
}

function brokenPackageRule(
  path: string,
  row: Row,
  specifier: string,
  dependencies: Dependencies,
): string | undefined {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (isTest(path) || row.packages === 'every package') {
    return dependencies.all.has(name) ? undefined : `package.json does not list ${name}`;
  }
  if (!dependencies.shipped.has(name)) return `package.json does not list ${name} as a dependency`;
  if (row.packages === 'every dependency' || row.packages.includes(name)) return undefined;
  return `${row.path} may use ${list(row.packages)}, not ${name}`;
}

function rowOf(path: string): Row | undefined {
  return importLaw
    .filter((row) => covers(row.path, path))
    .reduce<Row | undefined>(
      (best, row) => (best === undefined || row.path.length > best.path.length ? row : best),
      undefined,
    );
}

function covers(place: string, path: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts');
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : `only ${names.join(', ')}`;
}
