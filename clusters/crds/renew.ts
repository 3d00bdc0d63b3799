import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
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

const downloaded = z.object({ Zip: z.string(), Sum: z.string() });

/** The path of the module's zip. */
function download({ module, version }: ThirdPartyModule): string {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-crds-'));
  try {
    writeFileSync(join(folder, 'go.mod'), 'module renew\n');
    const given = ['mod', 'download', '-json', `${module}@${version}`];
    const env = { ...process.env, GOFLAGS: '-mod=mod' };
    const { stdout, stderr } = spawnSync('go', given, { cwd: folder, env, encoding: 'utf8' });
    // A module that asks for a newer Go is an error, and is there all the same: only its files are wanted.
    const answer = downloaded.safeParse(JSON.parse(stdout || '{}'));
    if (!answer.success) throw new Error(`go mod download ${module}@${version}: ${stdout}${stderr}`);
    return answer.data.Zip;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function renew(module: ThirdPartyModule): ThirdPartyModule {
  const zip = download(module);
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
