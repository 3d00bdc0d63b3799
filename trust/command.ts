import { type Command, Option } from 'commander';
import {
  CommandOutput,
  columns,
  type OutputFormat,
  type OutputStreams,
} from '../clusters/commands/command-output.ts';
import { usageError } from '../clusters/commands/usage-error.ts';
import { duration } from '../clusters/schema/duration.ts';
import { printBundle } from './bundle.ts';
import { loadTrustFolder, TRUST_FILE } from './folder.ts';
import { foundTrustFolder } from './folder-writer.ts';
import { memberTrustDomain, parseClusterset } from './member.ts';
import { foundRootFolder, installIntermediate, requestIntermediate, signRequest } from './offline-root.ts';
import { certificatesToPem } from './pem.ts';
import { type CertificateStatus, inspectTrustFolder, type TrustStatus } from './status.ts';
import { writeTrustFile } from './trust-file.ts';
import { issueToFiles, parseWorkload } from './workload-files.ts';

interface OutputFlags {
  readonly output?: Exclude<OutputFormat, 'text'>;
}

interface FolderFlags extends OutputFlags {
  readonly dir: string;
}

const DEFAULT_DIR = 'trust';
const DAY_SECONDS = 86_400;
const HOUR_SECONDS = 3600;
const FINDING = 3;

/** `isthmus trust`: a clusterset's root, a cluster's intermediate, and SVIDs for those who cannot get one themselves. */
export function registerTrustCommand(program: Command, streams: OutputStreams = process): void {
  const trust = program
    .command('trust')
    .description("make, sign, issue and look at what a clusterset's members trust");
  registerInit(trust, streams);
  registerIssue(trust, streams);
  registerSign(trust, streams);
  registerStatus(trust, streams);
  registerBundle(trust, streams);
}

interface InitFlags extends FolderFlags {
  readonly cluster?: string;
  readonly clusterset?: string;
  readonly rootOnly?: true;
  readonly request?: true;
  readonly signed?: string;
  readonly root?: string;
}

function registerInit(trust: Command, streams: OutputStreams): void {
  const command = trust
    .command('init')
    .description('found a trust: a root and the intermediate of its first cluster; never overwrites one')
    .option('--cluster <name>', 'what the cluster is called: a DNS label such as west')
    .option('--clusterset <domain>', 'name of the clusterset, a domain such as mesh.example');
  const alone = ['rootOnly', 'request', 'signed'];
  const exclusive = (flags: string, description: string, attribute: string): Option =>
    new Option(flags, description).conflicts(alone.filter((other) => other !== attribute));
  command
    .addOption(exclusive('--root-only', 'make only a root, to be kept offline', 'rootOnly'))
    .addOption(exclusive('--request', "make the cluster's key and a request for an offline root", 'request'))
    .addOption(exclusive('--signed <file>', 'take in what the offline root signed', 'signed'))
    .option('--root <file>', "with --signed, the first time: the root's certificate");
  withFolder(command)
    .addHelpText('after', INIT_EXAMPLES)
    .action((flags: InitFlags) => init(flags, outputOf(flags, streams)));
}

const INIT_EXAMPLES = `
Examples:
  isthmus trust init --cluster west --clusterset mesh.example --dir trust

  with the root on another machine, which the network never sees:
  isthmus trust init --root-only --clusterset mesh.example --dir root           there
  isthmus trust init --request --cluster west --clusterset mesh.example         here
  isthmus trust sign intermediate.csr --cluster west --dir root --out west.pem  there
  isthmus trust init --signed west.pem --root root.pem                          here`;

function init(flags: InitFlags, output: CommandOutput): Promise<void> {
  if (flags.signed !== undefined) return takeIn(flags.signed, flags, output);
  if (flags.rootOnly) return initRoot(flags, output);
  return flags.request ? initRequest(flags, output) : initCluster(flags, output);
}

async function initCluster(flags: InitFlags, output: CommandOutput): Promise<void> {
  const folder = flags.dir;
  const cluster = given('--cluster', flags.cluster);
  const clusterset = given('--clusterset', flags.clusterset);
  const { trustDomain } = await foundTrustFolder({ folder, cluster, clusterset, nowMs: Date.now() });
  output.result({ folder, trustDomain, clusterset }, () => `${folder} holds the trust of ${trustDomain}`);
  output.note(
    `Keep a copy of ${folder}/${TRUST_FILE.rootKey} in a safe place: a lost root cannot be made again.`,
  );
}

async function initRoot(flags: InitFlags, output: CommandOutput): Promise<void> {
  const folder = flags.dir;
  const clusterset = parseClusterset(given('--clusterset', flags.clusterset));
  await foundRootFolder(folder, clusterset, Date.now());
  output.result({ folder, clusterset }, () => `${folder} holds the root of ${clusterset}: keep it offline`);
}

async function initRequest(flags: InitFlags, output: CommandOutput): Promise<void> {
  const cluster = given('--cluster', flags.cluster);
  const trustDomain = memberTrustDomain(cluster, given('--clusterset', flags.clusterset));
  const request = await requestIntermediate(flags.dir, trustDomain);
  const next = `isthmus trust sign ${TRUST_FILE.request} --cluster ${cluster}`;
  const text = `${request} is to be signed where the root is: ${next}`;
  output.result({ folder: flags.dir, trustDomain, request }, () => text);
}

async function takeIn(signedPath: string, flags: InitFlags, output: CommandOutput): Promise<void> {
  const folder = flags.dir;
  const trust = await installIntermediate({ folder, signedPath, rootPath: flags.root, nowMs: Date.now() });
  const { trustDomain } = trust;
  const notAfter = new Date(trust.intermediateNotAfterMs).toISOString();
  const text = `${trustDomain} has its intermediate until ${notAfter}`;
  output.result({ folder, trustDomain, notAfter }, () => text);
}

interface IssueFlags extends FolderFlags {
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly id?: string;
  readonly dns?: readonly string[];
  readonly ttl?: string;
  readonly csr?: string;
  readonly out: string;
}

function registerIssue(trust: Command, streams: OutputStreams): void {
  const command = trust
    .command('issue')
    .description('issue an SVID to a workload of this cluster, or to a gateway without a federation service')
    .option('--namespace <name>', "the workload's namespace")
    .option('--service-account <name>', 'its service account')
    .option('--id <spiffe-id>', 'or its whole SPIFFE ID')
    .option('--dns <name>', 'a DNS name as well, below the trust domain; repeatable', collect)
    .option('--ttl <duration>', 'how long it is good', '24h')
    .option('--csr <file>', 'a request (PEM) whose key stays where it is')
    .requiredOption('--out <prefix>', 'writes PREFIX.pem, PREFIX.key (0600) and PREFIX-roots.pem');
  withFolder(command)
    .addHelpText('after', ISSUE_EXAMPLES)
    .action((flags: IssueFlags) => issue(flags, outputOf(flags, streams)));
}

const ISSUE_EXAMPLES = `
Examples:
  isthmus trust issue --namespace shop --service-account cart --out cart
  curl --cert cart.pem --key cart.key --cacert cart-roots.pem https://gateway.west.mesh.example:15443/
  isthmus trust issue --id spiffe://west.mesh.example/isthmus/gateway --out svid
  isthmus trust issue --namespace shop --service-account cart --csr cart.csr --out cart`;

async function issue(flags: IssueFlags, output: CommandOutput): Promise<void> {
  const nowMs = Date.now();
  const trust = await loadTrustFolder(flags.dir, { nowMs });
  const id = parseWorkload(flags, trust.trustDomain);
  const ttlMs = parseTtl(flags.ttl);
  const { out, csr: csrPath, dns: dnsNames = [] } = flags;
  const files = await issueToFiles(trust, { id, dnsNames, ttlMs, csrPath, out, nowMs });
  const written = Object.values(files).filter((path) => path !== undefined);
  output.result({ id: id.text, ...files }, () => `${id.text}: wrote ${written.join(', ')}`);
}

function parseTtl(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = duration.safeParse(text);
  if (parsed.success) return parsed.data;
  throw usageError(`--ttl ${text}: is not a duration`, 'for example 24h or 30m');
}

interface SignFlags extends FolderFlags {
  readonly cluster: string;
  readonly clusterset?: string;
  readonly out?: string;
}

function registerSign(trust: Command, streams: OutputStreams): void {
  const command = trust
    .command('sign')
    .description("sign the request for a cluster's intermediate, where the root is kept")
    .argument('<request>', 'what `isthmus trust init --request` wrote')
    .requiredOption('--cluster <name>', 'the cluster that it is for: no other can be meant')
    .option('--clusterset <domain>', 'needed only for a root that somebody brought along')
    .option('--out <file>', 'where to write the certificate (default: to stdout)');
  withFolder(command)
    .addHelpText('after', SIGN_EXAMPLES)
    .action((request: string, flags: SignFlags) => sign(request, flags, outputOf(flags, streams)));
}

const SIGN_EXAMPLES = `
Examples:
  isthmus trust sign intermediate.csr --cluster west --dir root --out west.pem
  ssh west cat trust/intermediate.csr > west.csr && isthmus trust sign west.csr --cluster west`;

async function sign(requestPath: string, flags: SignFlags, output: CommandOutput): Promise<void> {
  const { dir, cluster, clusterset, out } = flags;
  const signed = await signRequest({ folder: dir, requestPath, cluster, clusterset, nowMs: Date.now() });
  if (out !== undefined) await writeTrustFile(out, signed.certificatePem, 'public');
  output.result({ ...signed, file: out }, () =>
    out === undefined ? signed.certificatePem : `${out} is the intermediate of ${signed.trustDomain}`,
  );
}

function registerStatus(trust: Command, streams: OutputStreams): void {
  const command = trust
    .command('status')
    .description(
      'show what is in a trust folder and how long it still lives; exit code 3 when something is amiss',
    );
  withFolder(command)
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus trust status --dir west/trust\n  isthmus trust status --output json',
    )
    .action((flags: FolderFlags) => status(flags, outputOf(flags, streams)));
}

async function status(flags: FolderFlags, output: CommandOutput): Promise<void> {
  const found = await inspectTrustFolder(flags.dir, Date.now());
  output.result(found, () => statusText(found));
  for (const sentence of found.findings) output.warn(sentence);
  if (found.findings.length > 0) process.exitCode = FINDING;
}

function statusText(found: TrustStatus): string {
  const rows = found.certificates.map((each) => [
    each.file,
    each.identity ?? '-',
    lifeLeft(each),
    each.serial,
  ]);
  const root = found.holdsRootKey ? 'here' : 'elsewhere';
  const { bundle } = found;
  return [
    `trust domain  ${found.trustDomain ?? '-'}`,
    `root key      ${root}`,
    `bundle        ${bundle === undefined ? '-' : `${bundle.roots} root(s), sequence ${bundle.sequence}`}`,
    '',
    columns([['FILE', 'IDENTITY', 'EXPIRES', 'SERIAL'], ...rows]),
  ].join('\n');
}

function lifeLeft({ expiresInSeconds, notAfter }: CertificateStatus): string {
  if (expiresInSeconds < 0) return `expired (${notAfter})`;
  const days = Math.floor(expiresInSeconds / DAY_SECONDS);
  const hours = Math.floor((expiresInSeconds % DAY_SECONDS) / HOUR_SECONDS);
  return `in ${days} d ${hours} h`;
}

interface BundleFlags extends FolderFlags {
  readonly pem?: true;
}

function registerBundle(trust: Command, streams: OutputStreams): void {
  const command = trust
    .command('bundle')
    .description("print the clusterset's roots: a SPIFFE bundle (JWKS), or PEM")
    .addOption(new Option('--pem', 'print the certificates as PEM').conflicts('output'));
  withFolder(command)
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus trust bundle > bundle.json\n  isthmus trust bundle --pem > roots.pem',
    )
    .action((flags: BundleFlags) => bundle(flags, outputOf(flags, streams)));
}

async function bundle(flags: BundleFlags, output: CommandOutput): Promise<void> {
  const trust = await loadTrustFolder(flags.dir, { nowMs: Date.now() });
  const document = printBundle(trust.bundle);
  const text = flags.pem ? certificatesToPem(trust.bundle.rootsDer) : document;
  output.result(JSON.parse(document) as object, () => text);
}

/** @throws UserError (wrong usage) when the flag is missing. */
function given(flag: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw usageError(`${flag} is missing`, 'for example --cluster west --clusterset mesh.example');
}

function withFolder(command: Command): Command {
  return command
    .option('--dir <folder>', 'the trust folder', DEFAULT_DIR)
    .addOption(new Option('--output <format>', 'the result for a program to read').choices(['json', 'yaml']));
}

function outputOf(flags: OutputFlags, streams: OutputStreams): CommandOutput {
  return new CommandOutput(flags.output ?? 'text', streams);
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
