/** Files by path, each with the paths that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/**
 * One cycle out of each knot of files that import each other, as the way from a file back to itself. A file
 * that lies on several is named in one of them: the others show when that one is gone.
 */
export function cyclesIn(graph: ImportGraph): readonly (readonly string[])[] {
  const finished = new Set<string>();
  const cycles: string[][] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) {
      cycles.push([...way.slice(start), path]);
      return;
    }
    if (finished.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...way, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}
