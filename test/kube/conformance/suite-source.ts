import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { moduleZip } from '../../../clusters/crds/module-zip.ts';
import { runProgram } from '../program.ts';

const modules = z.array(
  z.strictObject({
    module: z.string(),
    version: z.string(),
    /** Go's sum of the module. It is pinned here and not in go.sum, as Go checks no folder that replaces a module. */
    sum: z.string().startsWith('h1:'),
    /** The folder of the module that is wanted; empty = all of it. */
    part: z.string(),
    /** Where it goes, below the source folder. */
    folder: z.string(),
  }),
);

export type SuiteModule = z.output<typeof modules>[number];

/** Our own part of the suite: what it is made from, and the test that calls it. */
export const SUITE_FOLDER = join(import.meta.dirname, 'gateway-api');

export const SUITE_MODULE = 'sigs.k8s.io/gateway-api/conformance';

/** The generated code of echo-basic; its own repository, where the suite looks for it, is not on the module proxy. */
const IMAGES_MODULE = 'module sigs.k8s.io/gateway-api-conformance-images\n\ngo 1.26.0\n';

export function suiteModules(): readonly SuiteModule[] {
  return modules.parse(JSON.parse(readFileSync(join(SUITE_FOLDER, 'modules.json'), 'utf8')));
}

/** The version of the suite, such as v1.7.0. */
export function suiteVersion(): string {
  const suite = suiteModules().find(({ module, part }) => module === SUITE_MODULE && part === '');
  if (suite === undefined) throw new Error(`modules.json does not name ${SUITE_MODULE}`);
  return suite.version;
}

/**
 * Lays the suite's source into a folder: the modules as the proxy has them, and the patch without which Go 1.26 does not
 * compile them.
 * @throws where a module is not what modules.json says, or the patch does not fit
 */
export async function laySource(folder: string): Promise<void> {
  for (const module of suiteModules()) await layModule(module, folder);
  writeFileSync(join(folder, 'images', 'go.mod'), IMAGES_MODULE);
  const patch = join(SUITE_FOLDER, 'go-1.26.patch');
  await runProgram('git', ['apply', patch], {
    cwd: join(folder, 'gateway-api'),
    env: { GIT_DIR: '/dev/null' },
  });
}

async function layModule(
  { module, version, sum, part, folder: below }: SuiteModule,
  folder: string,
): Promise<void> {
  const zip = moduleZip(module, version);
  if (zip.sum !== sum) throw new Error(`${module}@${version} is ${zip.sum}, and modules.json says ${sum}`);
  const unpacked = mkdtempSync(join(folder, 'unpacked-'));
  await runProgram('unzip', ['-q', zip.zip, '-d', unpacked]);
  const target = join(folder, below);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(unpacked, `${module}@${version}`, part), target, { recursive: true });
  rmSync(unpacked, { recursive: true });
}
