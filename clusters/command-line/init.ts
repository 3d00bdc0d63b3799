import type { Command } from 'commander';
import { type InitFlags, initCommand } from '../commands/init-command.ts';
import { releaseStore } from '../commands/release-store.ts';
import { ADMIN_PASSWORD_VARIABLE } from '../commands/store-flags.ts';
import { collect, type OutputFlag, outputOf, withFolder, withOutput } from './flags.ts';
import { withHome } from './home.ts';
import { storeUserMaker } from './programs.ts';

export function addInit(cluster: Command): void {
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
    .action(async (name: string, flags: InitFlags & OutputFlag) => {
      await withHome(flags.dir, async (home) =>
        initCommand(name, flags, {
          releaseStore: await releaseStore(flags.dir),
          output: outputOf(flags),
          createStoreUser: storeUserMaker(home),
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
