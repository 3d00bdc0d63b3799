import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { kubeCache } from '../../fixtures/kube-cache.ts';
import { runProgram } from '../program.ts';
import { laySource, SUITE_FOLDER } from './suite-source.ts';

/** What a run of the suite takes. */
export interface BuiltSuite {
  /** The test program, which takes the suite's own flags. */
  readonly program: string;
  /** The folder of the suite's module, with its manifests. */
  readonly manifests: string;
  /** The mesh's pods, as a file of manifests. */
  readonly meshManifest: string;
  /** Their image, as a docker archive. */
  readonly echoImage: string;
}

const ECHO_FOLDER = join(import.meta.dirname, 'echo');
const IMAGE_SCRIPT = join(import.meta.dirname, '..', 'image.sh');
const COMPILE_TIMEOUT_MS = 3_600_000;
const GO = { env: { CGO_ENABLED: '0' }, timeoutMs: COMPILE_TIMEOUT_MS };

/**
 * Builds the suite and the image of its pods into the cache, unless they are there from the same source.
 * @param say told of what takes minutes
 */
export async function buildSuite(say: (line: string) => void): Promise<BuiltSuite> {
  const { conformance: cache } = kubeCache();
  const built = join(cache, `gateway-api-${sourceKey()}`);
  if (!existsSync(built)) {
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, 'building-'));
    try {
      await build(folder, say);
      renameSync(folder, built);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const manifests = join(built, 'source', 'gateway-api', 'conformance');
  return {
    program: join(built, 'mesh.test'),
    manifests,
    meshManifest: join(manifests, 'mesh', 'manifests.yaml'),
    echoImage: join(built, 'echo.tar'),
  };
}

async function build(folder: string, say: (line: string) => void): Promise<void> {
  const source = join(folder, 'source');
  mkdirSync(source);
  await laySource(source);
  say('compiling the suite, minutes the first time');
  const suite = join(folder, 'gateway-api');
  cpSync(SUITE_FOLDER, suite, { recursive: true });
  await runProgram('nice', ['go', 'test', '-c', '-trimpath', '-o', join(folder, 'mesh.test'), '.'], {
    ...GO,
    cwd: suite,
  });
  say("compiling Istio's echo, which the suite's pods run");
  const tools = ['client', 'server'].map((name) => `istio.io/istio/pkg/test/echo/cmd/${name}`);
  const root = join(folder, 'echo');
  const programs = join(root, 'usr', 'local', 'bin');
  mkdirSync(programs, { recursive: true });
  const compile = ['build', '-trimpath', '-ldflags=-s -w', '-o', `${programs}/`, ...tools];
  await runProgram('nice', ['go', ...compile], { ...GO, cwd: ECHO_FOLDER });
  await packEcho(root, imageOf(join(source, 'gateway-api', 'conformance', 'mesh', 'manifests.yaml')), folder);
  // What was only made to be packed, or compiled, is of no more use.
  for (const used of [root, suite]) rmSync(used, { recursive: true });
}

/** The image as the suite's manifests want it: `server` is started, `client` is run in it, and the certificate is at /. */
async function packEcho(root: string, ref: string, folder: string): Promise<void> {
  const files = ['-keyout', join(root, 'cert.key'), '-out', join(root, 'cert.crt')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'];
  await runProgram('openssl', ['req', '-x509', ...kind, '-subj', '/CN=echo', ...files]);
  // The pods run as whoever the image says, and that key is of no worth.
  chmodSync(join(root, 'cert.key'), 0o644);
  mkdirSync(join(root, 'tmp'));
  await runProgram(IMAGE_SCRIPT, [ref, root, join(folder, 'echo.tar'), '/usr/local/bin/server']);
}

/** The one image of the mesh's pods. */
export function imageOf(manifest: string): string {
  const named = [...readFileSync(manifest, 'utf8').matchAll(/^\s*image: (\S+)$/gm)].map(([, image]) => image);
  const [image, ...others] = new Set(named);
  if (image === undefined || others.length > 0)
    throw new Error(`${manifest} has not one image: ${named.join(', ')}`);
  return image;
}

function sourceKey(): string {
  const hash = createHash('sha256');
  for (const folder of [SUITE_FOLDER, ECHO_FOLDER]) {
    for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  }
  for (const file of ['suite-build.ts', 'suite-source.ts'])
    hash.update(readFileSync(join(import.meta.dirname, file)));
  return hash.update(readFileSync(IMAGE_SCRIPT)).digest('hex').slice(0, 12);
}
