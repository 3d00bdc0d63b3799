import { type Command, Option } from 'commander';
import { loadFederationConfig, loadFederationFile } from '../federation/config.ts';
import type { LocalCluster } from '../federation/model/cluster.ts';
import { UserError } from '../federation/model/user-error.ts';
import { SYSTEM_CLOCK } from '../federation/runtime/clock.ts';
import { readStoreAccess } from '../federation/store-access.ts';
import type { GatewayConfig } from '../gateway/config.ts';
import { checkCommand } from './commands/check-command.ts';
import type { CleanUpFlags } from './commands/clean-up-command.ts';
import { CommandOutput, type OutputFormat } from './commands/command-output.ts';
import { FOLDER_DEFAULTS } from './commands/folder-flags.ts';
import { type InitFlags, initCommand } from './commands/init-command.ts';
import { DEFAULT_TTL, type InviteFlags, inviteCommand } from './commands/invite-command.ts';
import { type JoinFlags, joinCommand } from './commands/join-command.ts';
import { type LeaveFlags, leaveCommand } from './commands/leave-command.ts';
import { type LookFlags, listCommand } from './commands/list-command.ts';
import type { ConfiguredCluster, Programs } from './commands/programs.ts';
import type { RegisterFlags } from './commands/register-command.ts';
import { releaseStore } from './commands/release-store.ts';
import { statusCommand } from './commands/status-command.ts';
import { ADMIN_PASSWORD_VARIABLE } from './commands/store-flags.ts';
import { type DemoFlags, MIN_SECONDS, parseDemoFlags } from './demo/demo-options.ts';
import type { FolderHome } from './folder/folder-home.ts';
import { readHomeFile } from './folder/home-file.ts';
import { folderLayout } from './folder/layout.ts';
import type { CreateStoreUser } from './folder/store-access.ts';

type Output = { readonly output: OutputFormat };

/** `isthmus demo`: loaded with its commands only when it runs, for it holds all the others. */
export function registerDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('run three clusters on this machine, lose one, and watch failover and failback')
    .option('--redis [url]', 'keep the store in Redis: the one at the URL, or one that the demo starts')
    .option('--tour', 'lose a cluster and bring it back without waiting for keys')
    .option('--json', 'measure the tour under load; the last line of stdout is one JSON object')
    .option('--seconds <n>', `with --json: how long to measure, at least ${MIN_SECONDS} (default: 40)`)
    .addOption(
      new Option('--loss <kind>', 'how the cluster is lost').choices(['kill', 'freeze']).default('kill'),
    )
    .option('--redis-outage <s>', 'with --json and --redis: kill Redis for so many seconds around the loss')
    .addHelpText('after', DEMO_EXAMPLES)
    .action(async (flags: DemoFlags) => {
      const options = parseDemoFlags(flags);
      const { runDemo } = await import('./demo/demo.ts');
      await runDemo(options);
    });
}

const DEMO_EXAMPLES = `
Examples:
  isthmus demo                          keys kill a cluster and bring it back
  isthmus demo --tour --loss freeze     the same by itself, with a cluster that hangs
  isthmus demo --json --seconds 40 --redis --redis-outage 10
                                        under load, with Redis gone for 10 s around the loss

A tour goes on past its planned end until the lost cluster has its full share again: 30 s at most, 10 s when it does
not begin to come back.`;

/** `isthmus cluster`: how clusters found a clusterset, join it, look after their membership, and leave. */
export function registerClusterCommand(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('found a clusterset, let clusters join, see how they do, leave');
  registerRegister(cluster);
  registerInit(cluster);
  registerInvite(cluster);
  registerJoin(cluster);
  registerLooks(cluster);
  registerLeave(cluster);
  registerCleanUp(cluster);
}

/** Loaded only when it runs: it brings the Kubernetes client. */
function registerRegister(cluster: Command): void {
  const command = cluster
    .command('register')
    .description("make a Kubernetes cluster a member of another's clusterset, with a check of each step")
    .argument('<name>', "the cluster's name, as in the chart's cluster.name")
    .requiredOption('--context <name>', 'the context of the cluster that is to join')
    .requiredOption(
      '--with-context <name>',
      'the context of the trust home; it founds a clusterset if it has none',
    )
    .option('--kubeconfig <file>', "the file with both contexts (default: kubectl's)")
    .option('--namespace <name>', 'of both releases (default: found by their labels)')
    .option('--clusterset <domain>', 'name of a clusterset that has to be founded', 'mesh.local')
    .option(
      '--timeout <duration>',
      'how long to try to join, and then to wait for each of both clusters',
      '2m',
    );
  withOutput(command)
    .addHelpText('after', REGISTER_EXAMPLES)
    .action(async (name: string, flags: RegisterFlags & Output) => {
      const { interruption, registerCommand } = await import('./commands/register-command.ts');
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort(interruption()));
      await registerCommand(name, flags, outputOf(flags), interrupted.signal);
    });
}

const REGISTER_EXAMPLES = `
Examples:
  isthmus cluster register west --context west --with-context east
  isthmus cluster register west --context west --with-context east --clusterset mesh.example --timeout 5m`;

function registerInit(cluster: Command): void {
  const command = cluster
    .command('init')
    .description('found a clusterset: make its root, and the folder of its first cluster')
    .argument('<name>', 'what the cluster is called: a DNS label such as east')
    .requiredOption('--clusterset <domain>', 'name of the clusterset, a domain such as mesh.example')
    .option(
      '--store <url>',
      "memory://HOST:PORT, redis://HOST:PORT or rediss://HOST:PORT; give it once per node (default: the chart's)",
      collect,
    )
    .option('--store-ca <file>', "PEM of the authority behind the store's certificate")
    .option('--store-sentinel <name>', 'the URLs are Sentinels that watch the master of this name')
    .option('--store-cluster', 'the URLs are nodes of a Redis Cluster')
    .option(
      '--store-admin-user <name>',
      'Redis user that makes a user of its own for each cluster (default: default)',
    )
    .option(
      '--store-admin-password-file <file>',
      `its password, - for stdin; else from the environment: ${ADMIN_PASSWORD_VARIABLE}`,
    );
  withFolder(command);
  withOutput(command)
    .addHelpText('after', INIT_EXAMPLES)
    .action(async (name: string, flags: InitFlags & Output) => {
      await withHome(flags.dir, async (home) =>
        initCommand(name, flags, {
          releaseStore: await releaseStore(flags.dir),
          output: outputOf(flags),
          createStoreUser,
          storeAdminPassword: process.env[ADMIN_PASSWORD_VARIABLE],
          stdin: process.stdin,
          nowMs: Date.now(),
          home,
        }),
      );
    });
}

const INIT_EXAMPLES = `
Examples:
  isthmus cluster init east --dir east --clusterset mesh.example --region eu --zone eu-a \\
    --store memory://127.0.0.1:15990
  isthmus cluster init east --dir east --clusterset mesh.example --region eu --zone eu-a \\
    --listen-mesh 0.0.0.0:15443 --advertise east.example:15443 \\
    --store rediss://redis.example:6379 --store-ca redis-ca.pem \\
    --store-admin-user admin --store-admin-password-file admin-password`;

function registerInvite(cluster: Command): void {
  const command = cluster
    .command('invite')
    .description('print a one-use token that lets one cluster join; only at the trust home')
    .argument('<name>', 'what the cluster that joins will be called')
    .option('--dir <folder>', "this cluster's folder", FOLDER_DEFAULTS.dir)
    .option('--ttl <duration>', 'how long the token is good', DEFAULT_TTL)
    .option(
      '--force',
      "invite a cluster that is a member already: the member's store password changes; it must join again",
    );
  withOutput(command)
    .addHelpText('after', INVITE_EXAMPLES)
    .action(async (name: string, flags: InviteFlags & Output) => {
      await withHome(flags.dir, (home) =>
        inviteCommand(name, flags, {
          output: outputOf(flags),
          createStoreUser,
          nowMs: Date.now(),
          home,
        }),
      );
    });
}

const INVITE_EXAMPLES = `
Examples:
  isthmus cluster invite west --dir east
  (umask 077; isthmus cluster invite west --dir east --ttl 1h > west.token)`;

function registerJoin(cluster: Command): void {
  const command = cluster
    .command('join')
    .description('join the clusterset that a token is for')
    .argument('[token]', 'the token, or - to read it from stdin')
    .option('--token-file <file>', 'read the token from a file')
    .option('--cluster <name>', 'refuse a token that is for a cluster of another name');
  withFolder(command);
  withOutput(command)
    .addHelpText('after', JOIN_EXAMPLES)
    .action(async (token: string | undefined, flags: JoinFlags & Output) => {
      await withHome(flags.dir, (home) =>
        joinCommand(token, flags, {
          output: outputOf(flags),
          stdin: process.stdin,
          nowMs: Date.now(),
          home,
        }),
      );
    });
}

const JOIN_EXAMPLES = `
Examples:
  isthmus cluster join --token-file west.token --dir west --region us --zone us-a \\
    --listen-mesh 0.0.0.0:15443 --advertise west.example:15443
  ssh east isthmus cluster invite west --dir east |
    isthmus cluster join - --dir west --region us --zone us-a`;

function registerLooks(cluster: Command): void {
  const look = (name: string, description: string, examples: string): Command => {
    const command = cluster.command(name).description(description);
    command.option('--dir <folder>', "the cluster's folder", FOLDER_DEFAULTS.dir);
    return withOutput(command).addHelpText('after', `\nExamples:\n${examples}`);
  };
  look(
    'list',
    'list the members of the clusterset, as this cluster knows them',
    '  isthmus cluster list --dir east\n  isthmus cluster list --output json',
  ).action(async (flags: LookFlags & Output) => {
    await listCommand(flags, { output: outputOf(flags), programs });
  });
  look(
    'status',
    "how this cluster's programs, peers and trunks do; exit code 3 when a program is not ready",
    '  isthmus cluster status --dir east',
  ).action(async (flags: LookFlags & Output) => {
    await statusCommand(flags, { output: outputOf(flags), programs, nowMs: Date.now() });
  });
  look(
    'check',
    'look at everything that membership needs, with reason and cure; exit code 3 when something is found',
    '  isthmus cluster check --dir east\n  isthmus cluster check --output json',
  ).action(async (flags: LookFlags & Output) => {
    await checkCommand(flags, { output: outputOf(flags), programs, nowMs: Date.now() });
  });
}

function registerLeave(cluster: Command): void {
  const command = cluster
    .command('leave')
    .description('withdraw all services and leave the clusterset')
    .option('--dir <folder>', "the cluster's folder", FOLDER_DEFAULTS.dir)
    .option('--yes', 'leave; without it nothing is done')
    .option('--force', 'leave although some services would end, or the trust home would go');
  withOutput(command)
    .addHelpText('after', LEAVE_EXAMPLES)
    .action(async (flags: LeaveFlags & Output) => {
      await withHome(flags.dir, (home) => leaveCommand(flags, { output: outputOf(flags), programs, home }));
    });
}

const LEAVE_EXAMPLES = `
Examples:
  isthmus cluster leave --dir west           says what would happen
  isthmus cluster leave --dir west --yes`;

/** Loaded only when it runs: it brings the Kubernetes client. */
function registerCleanUp(cluster: Command): void {
  const command = cluster
    .command('clean-up')
    .description('take away what an uninstalled release left in its Kubernetes cluster')
    .option('--kubeconfig <file>', 'outside a pod: how the cluster is reached')
    .option('--context <name>', 'outside a pod: a context of the kubeconfig')
    .option('--namespace <name>', "the release's namespace (default: the pod's, or the context's)")
    .option('--with-root', "also the Secret that holds the clusterset's root")
    .option('--yes', 'do it; without it nothing is done');
  withOutput(command)
    .addHelpText('after', CLEAN_UP_EXAMPLES)
    .action(async (flags: CleanUpFlags & Output) => {
      const { cleanUpCommand } = await import('./commands/clean-up-command.ts');
      await cleanUpCommand(flags, outputOf(flags));
    });
}

const CLEAN_UP_EXAMPLES = `
Examples:
  isthmus cluster clean-up --context west --namespace isthmus-system --yes`;

function withFolder(command: Command): void {
  command
    .option('--dir <folder>', 'the folder to make the cluster in', FOLDER_DEFAULTS.dir)
    .option('--region <name>', "the cluster's region, as in topology.kubernetes.io/region")
    .option('--zone <name>', "the cluster's zone, as in topology.kubernetes.io/zone")
    .option('--listen-http <host:port>', 'requests of the cluster’s own clients', FOLDER_DEFAULTS.listenHttp)
    .option('--listen-mesh <host:port>', 'trunks from peers, over mutual TLS', FOLDER_DEFAULTS.listenMesh)
    .option(
      '--advertise <host:port>',
      'where peers reach the mesh listener; repeatable (default: as --listen-mesh)',
      collect,
    )
    .option('--listen-gateway-admin <host:port>', 'loopback only', FOLDER_DEFAULTS.listenGatewayAdmin)
    .option('--listen-federation <host:port>', 'snapshots for gateways', FOLDER_DEFAULTS.listenFederation)
    .option('--listen-issuer <host:port>', 'certificates for gateways', FOLDER_DEFAULTS.listenIssuer)
    .option('--listen-federation-admin <host:port>', 'loopback only', FOLDER_DEFAULTS.listenFederationAdmin)
    .option('--services-host <host>', 'where ports of imported services open', FOLDER_DEFAULTS.servicesHost)
    .option('--service-ports <from-to>', 'the ports to choose from for them', FOLDER_DEFAULTS.servicePorts)
    .option('--workers <n>', 'gateway processes (default: one per core)')
    .option('--access-log-sample <share>', 'how many requests are logged', FOLDER_DEFAULTS.accessLogSample);
}

function withOutput(command: Command): Command {
  return command.addOption(
    new Option('--output <format>', 'how to print the result')
      .choices(['text', 'json', 'yaml'])
      .default('text'),
  );
}

function outputOf(flags: Output): CommandOutput {
  return new CommandOutput(flags.output, process);
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** Loaded when needed: who only invites does not wait for the code of gateways. */
const createStoreUser: CreateStoreUser = async (request) => {
  const acl = await import('../federation/store/acl.ts');
  return acl.createStoreUser(request);
};

const programs: Programs = {
  readGatewayFile: async (file) => configuredCluster((await readGateway(file)).local),
  readFederationFile: async (file) => configuredCluster((await loadFederationConfig(file)).local),
  askFederation: async (file) => {
    const { askState } = await import('../federation/admin/status-client.ts');
    return askState((await loadFederationFile(file)).config.admin);
  },
  askGateway: async (file) => {
    const { askStatus } = await import('../gateway/admin/status-client.ts');
    return askStatus((await readGateway(file)).admin);
  },
  checkStore: async (file) => {
    const { openStore } = await import('../federation/store/open.ts');
    const { local, store } = await loadFederationConfig(file);
    const { clusterset, name } = local;
    const access = await readStoreAccess(store);
    const driver = openStore(access, { clusterset, clock: SYSTEM_CLOCK, random: Math.random });
    try {
      await driver.check(name);
    } finally {
      await driver.close();
    }
  },
  leave: async (file, cluster) => {
    const { askToLeave } = await import('../federation/admin/status-client.ts');
    return askToLeave((await loadFederationFile(file)).config.admin, cluster);
  },
};

/** With the home of a folder that is a working copy of what Kubernetes has. */
async function withHome(dir: string, run: (home: FolderHome | undefined) => Promise<void>): Promise<void> {
  const file = await readHomeFile(folderLayout(dir));
  if (file === undefined) {
    await run(undefined);
    return;
  }
  const loaded = await loadFederationFile(file.federationFile);
  if (loaded.kind !== 'kubernetes') throw new UserError(`${file.federationFile} has no section kubernetes`);
  const { openKubeClient } = await import('./kubernetes/membership/membership-settings.ts');
  const { kubernetesHome } = await import('./kubernetes/membership/kubernetes-home.ts');
  const { cluster, kubernetes: settings } = loaded.config;
  const client = await openKubeClient(settings);
  try {
    await run(kubernetesHome({ client, cluster, settings }));
  } finally {
    client.close();
  }
}

async function readGateway(file: string): Promise<GatewayConfig> {
  const { loadGatewayConfig } = await import('../gateway/config.ts');
  return loadGatewayConfig(file);
}

function configuredCluster({ name, clusterset }: LocalCluster): ConfiguredCluster {
  return { cluster: name, clusterset };
}
