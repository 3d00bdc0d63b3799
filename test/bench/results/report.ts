import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { renderResults } from './page.ts';
import { type SavedResult, save } from './saved-results.ts';

/** Where results.json, results.md and the plots are. */
const REPORT_FOLDER = join(import.meta.dirname, '..');

/** Takes what was measured anew into results.json, and renders everything from it. */
export function writeReport(fresh: readonly SavedResult[], folder = REPORT_FOLDER): void {
  const saved = save(join(folder, 'results.json'), fresh);
  for (const [name, content] of renderResults(saved)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}
