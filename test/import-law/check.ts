// Run by `npm run import-law`: prints each breach of the law, and fails if there is one.
import { join } from 'node:path';
import { importLawViolations } from './law.ts';

const violations = importLawViolations(join(import.meta.dirname, '..', '..'));
for (const { path, line, rule } of violations) console.error(`${path}:${line}: ${rule}`);
console.log(violations.length === 0 ? 'import law: kept' : `import law: broken ${violations.length} times`);
process.exitCode = violations.length === 0 ? 0 : 3;
