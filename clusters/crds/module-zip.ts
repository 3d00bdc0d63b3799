import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const downloaded = z.object({ Zip: z.string(), Sum: z.string() });

/** A Go module as the module proxy has it. */
export interface ModuleZip {
  /** Path of the zip in Go's cache. */
  readonly zip: string;
  /** Go's sum of it (`h1:…`), which Go has compared with its checksum database. */
  readonly sum: string;
}

/**
 * Takes a module by Go from its proxy, whatever Go the module itself asks for.
 * @throws where Go cannot be run or cannot get it, with what Go said
 */
export function moduleZip(module: string, version: string): ModuleZip {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-module-'));
  try {
    writeFileSync(join(folder, 'go.mod'), 'module download\n');
    const given = ['mod', 'download', '-json', `${module}@${version}`];
    const env = { ...process.env, GOFLAGS: '-mod=mod' };
    const { stdout, stderr } = spawnSync('go', given, { cwd: folder, env, encoding: 'utf8' });
    // A module that asks for a newer Go is an error, and is there all the same: only its files are wanted.
    const answer = downloaded.safeParse(JSON.parse(stdout || '{}'));
    if (!answer.success) throw new Error(`go mod download ${module}@${version}: ${stdout}${stderr}`);
    return { zip: answer.data.Zip, sum: answer.data.Sum };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
