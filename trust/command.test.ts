import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Command, CommanderError, type OutputConfiguration } from 'commander';
import { parse } from 'yaml';
import { workloadId } from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { parseBundle } from './bundle.ts';
import { registerTrustCommand } from './command.ts';
import { createCsr } from './csr.ts';
import { loadTrustFolder } from './folder.ts';
import { generateKeyPair } from './key.ts';
import { certificatesFromPem, toPem } from './pem.ts';
import { svidFromPem } from './svid.ts';
import { verifySvid } from './verify.ts';

const CLI = join(import.meta.dirname, '..', 'cli.ts');
const WEST = 'west.mesh.example';
const EAST_FLAGS = ['--cluster', 'east', '--clusterset', 'mesh.example'];
const WEST_FLAGS = ['--cluster', 'west', '--clusterset', 'mesh.example'];

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in a folder; none of its words may be a key. */
async function isthmus(folder: string, ...args: readonly string[]): Promise<Run> {
  const written = { stdout: '', stderr: '' };
  const into = (stream: keyof typeof written) => ({ write: (text: string) => (written[stream] += text) });
  const program = new Command('isthmus');
  registerTrustCommand(program, { stdout: into('stdout'), stderr: into('stderr') });
  throwInsteadOfExit(program, { writeOut: into('stdout').write, writeErr: into('stderr').write });
  const before = process.cwd();
  process.chdir(folder);
  const code = await exitCodeOf(program, args, into('stderr').write);
  process.chdir(before);
  assert.doesNotMatch(written.stdout + written.stderr, /PRIVATE/);
  return { code, ...written };
}

function throwInsteadOfExit(command: Command, output: OutputConfiguration): void {
  command.exitOverride().configureOutput(output);
  for (const child of command.commands) throwInsteadOfExit(child, output);
}

/** As cli.ts ends: 2 for what commander refuses. */
async function exitCodeOf(
  program: Command,
  args: readonly string[],
  say: (text: string) => unknown,
): Promise<number> {
  try {
    await program.parseAsync(['trust', ...args], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    assert.ok(error instanceof UserError, String(error));
    assert.ok(error.hint, `no hint: ${error.message}`);
    say(`error: ${error.message}`);
    return error.exitCode;
  } finally {
    process.exitCode = 0;
  }
}

async function done(folder: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await isthmus(folder, ...args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Fails with the code and says what is wrong. */
async function fails(
  code: number,
  expected: RegExp,
  folder: string,
  ...args: readonly string[]
): Promise<void> {
  const run = await isthmus(folder, ...args);
  assert.equal(run.code, code, run.stderr);
  assert.match(run.stderr, expected);
}

/** The real command, in a process of its own. */
function cli(folder: string, ...args: readonly string[]): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [CLI, 'trust', ...args], { cwd: folder }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      assert.doesNotMatch(stderr, /^\s+at /m);
      if (typeof code === 'number') resolve([code, stdout]);
      else reject(error);
    });
  });
}

async function founded(t: TestContext): Promise<string> {
  const folder = tempFolder(t);
  await done(folder, 'init', ...WEST_FLAGS);
  return folder;
}

function mode(...path: readonly string[]): string {
  return (statSync(join(...path)).mode & 0o777).toString(8);
}

describe('isthmus trust', () => {
  it('is a command of isthmus, with its exit codes', async (t) => {
    const folder = tempFolder(t);
    assert.deepEqual(await cli(folder, 'init', ...WEST_FLAGS), [
      0,
      'trust holds the trust of west.mesh.example\n',
    ]);
    assert.deepEqual(await cli(folder, 'init', ...WEST_FLAGS), [1, '']);
    assert.deepEqual(await cli(folder, 'sign'), [2, '']);
    chmodSync(join(folder, 'trust/root.key'), 0o640);
    const [code] = await cli(folder, 'status');
    assert.equal(code, 3);
  });

  it('init founds a trust, keeps keys to itself, and never overwrites one', async (t) => {
    const folder = await founded(t);
    assert.equal((await loadTrustFolder(join(folder, 'trust'), { nowMs: Date.now() })).trustDomain, WEST);
    assert.deepEqual(
      [mode(folder, 'trust/root.key'), mode(folder, 'trust/intermediate.key')],
      ['600', '600'],
    );
    const before = readFileSync(join(folder, 'trust/root.key'), 'utf8');
    await fails(1, /root\.key: exists already/, folder, 'init', ...WEST_FLAGS);
    assert.equal(readFileSync(join(folder, 'trust/root.key'), 'utf8'), before);
  });

  it('init says what is wrong with a name', async (t) => {
    const folder = tempFolder(t);
    await fails(2, /--cluster is missing/, folder, 'init');
    await fails(2, /--clusterset is missing/, folder, 'init', '--cluster', 'west');
    await fails(
      2,
      /cluster "west\.a"/,
      folder,
      'init',
      '--cluster',
      'west.a',
      '--clusterset',
      'mesh.example',
    );
    await fails(2, /clusterset "Mesh"/, folder, 'init', '--cluster', 'west', '--clusterset', 'Mesh');
    await fails(2, /cannot be used with/, folder, 'init', ...WEST_FLAGS, '--request', '--root-only');
    assert.deepEqual(readdirSync(folder), []);
  });

  it('init says where it could not write', async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, 'trust'), 'a file where a folder should be');
    await fails(1, /trust\/root\.key: cannot be/, folder, 'init', ...WEST_FLAGS);
  });

  it('issue writes an SVID that verifies, with its key and the roots', async (t) => {
    const folder = await founded(t);
    const names = ['--namespace', 'shop', '--service-account', 'cart'];
    const said = await done(
      folder,
      'issue',
      ...names,
      '--out',
      'out/cart',
      '--ttl',
      '1h',
      '--output',
      'json',
    );
    assert.deepEqual(JSON.parse(said), {
      id: workloadId(WEST, 'shop', 'cart').text,
      certificate: 'out/cart.pem',
      key: 'out/cart.key',
      roots: 'out/cart-roots.pem',
    });
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const svid = svidFromPem(read('out/cart.pem'), read('out/cart.key'), Date.now());
    assert.equal(svid.notAfterMs - svid.notBeforeMs, 61 * 60_000);
    assert.equal(mode(folder, 'out/cart.key'), '600');
    const [leaf = new Uint8Array(), ...above] = certificatesFromPem(svid.certificateChainPem);
    const bundles = new Map([[WEST, certificatesFromPem(read('out/cart-roots.pem'))]]);
    assert.equal(verifySvid(leaf, above, bundles, Date.now()).text, svid.id.text);
  });

  it('issue takes a request, and then has no key to write', async (t) => {
    const folder = await founded(t);
    const id = workloadId(WEST, 'shop', 'cart');
    const keyPair = await generateKeyPair();
    const csr = toPem('CERTIFICATE REQUEST', await createCsr({ keyPair, id, dnsNames: [] }));
    writeFileSync(join(folder, 'cart.csr'), csr);
    await done(folder, 'issue', '--id', id.text, '--csr', 'cart.csr', '--out', 'cart');
    assert.equal(existsSync(join(folder, 'cart.key')), false);
    const chain = readFileSync(join(folder, 'cart.pem'), 'utf8');
    assert.equal(svidFromPem(chain, keyPair.privateKeyPem, Date.now()).id.text, id.text);
    writeFileSync(join(folder, 'bad.csr'), csr.replace('M', 'N'));
    await fails(1, /bad\.csr: /, folder, 'issue', '--id', id.text, '--csr', 'bad.csr', '--out', 'x');
    await fails(
      1,
      /none\.csr: does not exist/,
      folder,
      'issue',
      '--id',
      id.text,
      '--csr',
      'none.csr',
      '--out',
      'x',
    );
  });

  it('issue refuses whom it cannot vouch for', async (t) => {
    const folder = await founded(t);
    const out = ['--out', 'x'];
    const shop = ['--namespace', 'shop'];
    await fails(2, /one way/, folder, 'issue', ...out);
    await fails(2, /one way/, folder, 'issue', ...shop, ...out);
    await fails(2, /not of west/, folder, 'issue', '--id', 'spiffe://east.mesh.example/a', ...out);
    await fails(2, /relative path/, folder, 'issue', ...shop, '--service-account', '..', ...out);
    await fails(2, /--out/, folder, 'issue', ...shop, '--service-account', 'a');
    const good = [...shop, '--service-account', 'a', ...out];
    await fails(2, /--ttl soon/, folder, 'issue', ...good, '--ttl', 'soon');
    await fails(1, /at least a minute/, folder, 'issue', ...good, '--ttl', '1s');
    await fails(1, /not permitted/, folder, 'issue', ...good, '--dns', 'gateway.east.mesh.example');
    assert.deepEqual(readdirSync(folder), ['trust']);
  });

  it('issues a gateway its DNS name as well', async (t) => {
    const folder = await founded(t);
    await done(folder, 'issue', '--id', `spiffe://${WEST}/isthmus/gateway`, '--out', 'svid');
    const der = Buffer.from(certificatesFromPem(readFileSync(join(folder, 'svid.pem'), 'utf8'))[0] ?? []);
    assert.ok(der.includes(`gateway.${WEST}`));
  });

  it('init, sign and init bring in what an offline root signs, and renew it', async (t) => {
    const folder = tempFolder(t);
    await done(folder, 'init', '--root-only', '--clusterset', 'mesh.example', '--dir', 'root');
    assert.equal(mode(folder, 'root/root.key'), '600');
    await done(folder, 'init', '--request', ...WEST_FLAGS);
    const key = readFileSync(join(folder, 'trust/intermediate.key'), 'utf8');
    const sign = ['sign', 'trust/intermediate.csr', '--cluster', 'west', '--dir', 'root'];
    await done(folder, ...sign, '--out', 'west.pem');
    await fails(2, /root is not known/, folder, 'init', '--signed', 'west.pem');
    await done(folder, 'init', '--signed', 'west.pem', '--root', 'root/root.pem');
    const trust = await loadTrustFolder(join(folder, 'trust'), { nowMs: Date.now(), trustDomain: WEST });
    assert.equal(trust.root, undefined);
    assert.equal(existsSync(join(folder, 'trust/intermediate.csr')), false);
    assert.equal((await isthmus(folder, 'status')).code, 0);

    await done(folder, 'init', '--request', ...WEST_FLAGS);
    writeFileSync(join(folder, 'again.pem'), await done(folder, ...sign));
    await done(folder, 'init', '--signed', 'again.pem');
    assert.equal(readFileSync(join(folder, 'trust/intermediate.key'), 'utf8'), key);
    const renewed = await loadTrustFolder(join(folder, 'trust'), { nowMs: Date.now() });
    assert.notEqual(renewed.intermediate.certificatePem, trust.intermediate.certificatePem);
    assert.deepEqual(renewed.bundle, trust.bundle);
  });

  it('sign signs for the cluster that is named, and only with a root', async (t) => {
    const folder = await founded(t);
    await done(folder, 'init', '--request', '--dir', 'east', ...EAST_FLAGS);
    const request = 'east/intermediate.csr';
    await fails(
      1,
      /asks for spiffe:\/\/east\.mesh\.example, not for west/,
      folder,
      'sign',
      request,
      '--cluster',
      'west',
    );
    await fails(
      1,
      /root\.key: does not exist/,
      folder,
      'sign',
      request,
      '--cluster',
      'east',
      '--dir',
      'east',
    );
    await fails(
      2,
      /root of mesh\.example, not of other/,
      folder,
      'sign',
      request,
      '--cluster',
      'east',
      '--clusterset',
      'other',
    );
    await fails(2, /--cluster/, folder, 'sign', request);
    await fails(1, /root\.pem: must hold one/, folder, 'sign', 'trust/root.pem', '--cluster', 'east');
    const pem = await done(folder, 'sign', request, '--cluster', 'east');
    assert.equal(certificatesFromPem(pem).length, 1);
    writeFileSync(join(folder, 'east.pem'), pem);
    await fails(1, /is not the key of/, folder, 'init', '--signed', 'east.pem');
  });

  it('status tells what is there and how long it lives', async (t) => {
    const folder = await founded(t);
    const text = await done(folder, 'status');
    assert.match(text, /trust domain {2}west\.mesh\.example/);
    assert.match(text, /intermediate\.pem {2}spiffe:\/\/west\.mesh\.example {2}in 89 d 23 h/);
    const json: unknown = JSON.parse(await done(folder, 'status', '--output', 'json'));
    const yaml: unknown = parse(await done(folder, 'status', '--output', 'yaml'));
    const shape = ({ certificates, ...rest }: Record<string, unknown>): unknown[] => [
      rest,
      (certificates as { file: string }[]).map(({ file }) => file),
    ];
    assert.deepEqual(shape(json as Record<string, unknown>), shape(yaml as Record<string, unknown>));
    assert.deepEqual(shape(json as Record<string, unknown>), [
      {
        folder: 'trust',
        trustDomain: WEST,
        holdsRootKey: true,
        bundle: { sequence: 1, roots: 1 },
        requestPending: false,
        findings: [],
      },
      ['trust/root.pem', 'trust/intermediate.pem'],
    ]);
  });

  it('status ends with 3 when it finds something, with 1 when there is nothing', async (t) => {
    const folder = await founded(t);
    await fails(1, /nowhere: holds no trust/, folder, 'status', '--dir', 'nowhere');
    chmodSync(join(folder, 'trust/root.key'), 0o644);
    const open = await isthmus(folder, 'status');
    assert.equal(open.code, 3);
    assert.match(open.stderr, /warning: .*root\.key: mode 644/);
    await done(folder, 'init', '--request', '--dir', 'east', ...EAST_FLAGS);
    mkdirSync(join(folder, 'broken'));
    writeFileSync(join(folder, 'broken/intermediate.pem'), 'nonsense');
    const broken = await isthmus(folder, 'status', '--dir', 'broken');
    assert.equal(broken.code, 3);
    assert.match(broken.stderr, /intermediate\.pem: there is no CERTIFICATE block/);
    const waiting = await isthmus(folder, 'status', '--dir', 'east');
    assert.equal(waiting.code, 3);
    assert.match(waiting.stderr, /waits to be signed/);
  });

  it('bundle prints the roots as JWKS, YAML or PEM', async (t) => {
    const folder = await founded(t);
    const { bundle } = await loadTrustFolder(join(folder, 'trust'), { nowMs: Date.now() });
    const text = await done(folder, 'bundle');
    assert.deepEqual(parseBundle(text, 'mesh.example'), bundle);
    assert.deepEqual(JSON.parse(await done(folder, 'bundle', '--output', 'json')), JSON.parse(text));
    assert.deepEqual(parse(await done(folder, 'bundle', '--output', 'yaml')), JSON.parse(text));
    assert.deepEqual(certificatesFromPem(await done(folder, 'bundle', '--pem')), bundle.rootsDer);
    await fails(2, /cannot be used with/, folder, 'bundle', '--pem', '--output', 'json');
  });

  it('explains itself, with examples', async (t) => {
    const folder = tempFolder(t);
    for (const word of ['init', 'issue', 'sign', 'status', 'bundle']) {
      assert.match(await done(folder, word, '--help'), new RegExp(`Examples:\\n.*isthmus trust ${word}`));
    }
  });
});
