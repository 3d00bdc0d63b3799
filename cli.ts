import { readFileSync } from 'node:fs';
import { Command, type CommanderError } from 'commander';
import { UserError } from './federation/model/user-error.ts';

type Register = (program: Command) => void;

/**
 * The first word of a command line, and where the commands behind it are found. Loaded only when that word
 * is given: a command that makes a certificate starts without the gateway's code.
 */
const commands: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ['demo', async () => (await import('./clusters/command.ts')).registerDemoCommand],
  ['gateway', async () => (await import('./gateway/command.ts')).registerGatewayCommand],
  ['federation', async () => (await import('./federation/command.ts')).registerFederationCommand],
  ['cluster', async () => (await import('./clusters/command.ts')).registerClusterCommand],
  ['service', async () => (await import('./clusters/command.ts')).registerServiceCommand],
  ['completion', async () => (await import('./clusters/command.ts')).registerCompletionCommand],
  ['trust', async () => (await import('./trust/command.ts')).registerTrustCommand],
  ['why', async () => (await import('./federation/why/command.ts')).registerWhyCommand],
]);

const exitCodes = { done: 0, failed: 1, wrongUsage: 2 } as const;

const EXAMPLES = `
Examples:
  isthmus demo                                                       three clusters on this machine, to see before reading on
  isthmus cluster register west --context west --with-context east   join two Kubernetes clusters that run the chart
  isthmus cluster check --context west                               every step with its reason and its cure
  isthmus service export shop/payments --context west                offer a Service to the other clusters
  isthmus why shop/payments --context east                           where its requests go, and why
  isthmus cluster init --help                                        how to found a clusterset without Kubernetes`;
const EXIT_CODES = '\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 a check found something';

/** Commander has printed help, the version or a complaint, and is done. */
class UsageEnd extends Error {
  readonly end: CommanderError;
  readonly command: string;

  constructor(end: CommanderError, command: string) {
    super(end.message, { cause: end });
    this.end = end;
    this.command = command;
  }
}

// A reader such as `head` that has seen enough is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  const program = await build(process.argv[2]);
  await program.parseAsync();
} catch (error) {
  process.exit(report(error));
}

/** The program with the commands of one word, or with all of them to list or to search for what was meant. */
async function build(word: string | undefined): Promise<Command> {
  const program = new Command('isthmus')
    .description('Joins Kubernetes clusters into one clusterset.')
    .version(version(), '-V, --version', "print isthmus's version")
    .helpCommand(false)
    .showSuggestionAfterError();
  // Completion is of all commands.
  const known = word === undefined || word === 'completion' ? undefined : commands.get(word);
  const loaders = known === undefined ? [...commands.values()] : [known];
  const registers = await Promise.all(loaders.map((load) => load()));
  for (const register of registers) register(program);
  explainExitCodes(program);
  throwInsteadOfExit(program);
  return program;
}

/** The sources lie beside package.json, what is built from them in a folder below it. */
function version(): string {
  const path = import.meta.filename.endsWith('.ts') ? './package.json' : '../package.json';
  const manifest: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version);
  throw new Error('package.json has no version');
}

/** Said in one place, for every command ends with the same. */
function explainExitCodes(command: Command): void {
  if (command.parent === null) command.addHelpText('after', EXAMPLES);
  command.addHelpText('after', EXIT_CODES);
  for (const child of command.commands) explainExitCodes(child);
}

/** Commander's own exit codes are not ours, so each command gives its errors to `report`. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride((error) => {
    throw new UsageEnd(error, commandPath(command));
  });
  for (const child of command.commands) throwInsteadOfExit(child);
}

function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}

/** Prints what was wrong and what to do next; the exit code to end with. */
function report(error: unknown): number {
  if (error instanceof UsageEnd) return reportUsage(error);
  const shown = error instanceof Error ? error : new Error(String(error));
  console.error(`error: ${shown.message}`);
  if (process.env.ISTHMUS_DEBUG) console.error(shown.stack);
  if (shown instanceof UserError) {
    if (shown.hint !== undefined) console.error(`hint: ${shown.hint}`);
    return shown.exitCode;
  }
  if (!process.env.ISTHMUS_DEBUG) console.error('hint: set ISTHMUS_DEBUG=1 to see where it comes from');
  return exitCodes.failed;
}

function reportUsage({ end, command }: UsageEnd): number {
  if (end.exitCode === 0) return exitCodes.done;
  // Asked for nothing, commander has printed the whole help, and needs no hint at it.
  if (end.code !== 'commander.help') console.error(`hint: ${command} --help shows what it takes`);
  return exitCodes.wrongUsage;
}
