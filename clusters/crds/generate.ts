import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedFiles } from './generated-files.ts';

// `npm run generate` runs this. It is for those who work on Isthmus, and not part of the package.
const root = join(import.meta.dirname, '..', '..');
for (const [path, text] of generatedFiles()) {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}
