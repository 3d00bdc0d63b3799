import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { moduleZip } from './module-zip.ts';
import {
  copyPath,
  sha256,
  THIRD_PARTY_FILE,
  type ThirdPartyModule,
  thirdPartyModules,
} from './third-party.ts';

// `npm run crds:renew` runs this, after the versions in third-party.json were changed. It needs Go and unzip: Go takes
// each module from its proxy and checks it against its checksum database.
const root = join(import.meta.dirname, '..', '..');
const MAX_FILE_BYTES = 4 * 1024 * 1024;

function renew(module: ThirdPartyModule): ThirdPartyModule {
  const { zip } = moduleZip(module.module, module.version);
  const files: Record<string, string> = {};
  for (const path of Object.keys(module.files)) {
    const entry = `${module.module}@${module.version}/${path}`;
    const content = execFileSync('unzip', ['-p', zip, entry], { maxBuffer: MAX_FILE_BYTES });
    const copy = join(root, copyPath(module, path));
    mkdirSync(join(copy, '..'), { recursive: true });
    writeFileSync(copy, content);
    files[path] = sha256(content);
  }
  return { ...module, files };
}

writeFileSync(THIRD_PARTY_FILE, `${JSON.stringify(thirdPartyModules().map(renew), undefined, 2)}\n`);
