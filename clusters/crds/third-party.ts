import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';

/** Where the chart has its CustomResourceDefinitions, below the project's root. */
export const CRD_FOLDER = 'charts/isthmus/crd-files';

const modules = z.array(
  z.strictObject({
    /** A Go module, as the module proxy has it. */
    module: z.string(),
    version: z.string(),
    /** Below `CRD_FOLDER`. */
    folder: z.string(),
    /** Path in the module → SHA-256 of the copy, in hexadecimal; the copy has the path's last part as its name. */
    files: z.record(z.string(), z.string()),
  }),
);

export type ThirdPartyModule = z.infer<typeof modules>[number];

export const THIRD_PARTY_FILE = join(import.meta.dirname, 'third-party.json');

/** What is copied from others, and the SHA-256 of each copy. */
export function thirdPartyModules(): readonly ThirdPartyModule[] {
  return modules.parse(JSON.parse(readFileSync(THIRD_PARTY_FILE, 'utf8')));
}

/** Path of a copy below the project's root. */
export function copyPath(module: ThirdPartyModule, path: string): string {
  return join(CRD_FOLDER, module.folder, basename(path));
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
