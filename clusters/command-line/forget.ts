import { type Command, Option } from 'commander';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { confirmationAt } from '../commands/confirmation.ts';
import { namesContext } from '../commands/context-flags.ts';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';
import { type ForgetWish, forgetCommand } from '../commands/forget-command.ts';
import type { LookFlags } from '../commands/list-command.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import type { ForgettingStore, LastWordRequest } from '../folder/forget.ts';
import { inContext, type MaybeContext, withContext } from './context.ts';
import { collect, type OutputFlag, outputOf, withOutput } from './flags.ts';
import { withHome } from './home.ts';
import { programs } from './programs.ts';

type Flags = LookFlags &
  ForgetWish &
  MaybeContext &
  OutputFlag & { readonly alsoContext?: readonly string[] };

/** Until the store has taken it: of ten thousand services some seconds. */
const TOMBSTONE_TIMEOUT_MS = 45_000;

export function addForget(cluster: Command): void {
  const command = cluster
    .command('forget')
    .description('have the clusterset forget a cluster that is lost for good; only at the trust home')
    .argument('<name>', 'the cluster that is lost')
    .option('--dir <folder>', "the trust home's folder", FOLDER_DEFAULTS.dir)
    .option('--dry-run', 'say what would happen, and do nothing')
    .option('--yes', 'do it; without it a person is asked, and where none sits nothing is done')
    .option('--force', 'although the cluster is heard, or its gateways answer');
  withContext(command);
  command.addOption(
    new Option('--also-context <name>', 'another member, whose ClusterPeer of it is removed too; repeatable')
      .conflicts('dir')
      .argParser(collect),
  );
  withOutput(command)
    .addHelpText('after', FORGET_EXAMPLES)
    .action(async (name: string, flags: Flags) => {
      const output = outputOf(flags);
      const confirm = confirmationAt(process);
      if (namesContext(flags)) {
        const { forgetByContext } = await import('../context/context-forget.ts');
        await inContext(flags, (open, signal) =>
          forgetByContext(open, name, flags, { output, signal, confirm }),
        );
        return;
      }
      await withHome(flags.dir, (home) =>
        forgetCommand(name, flags, {
          output,
          programs,
          store: forgettingStore(home),
          nowMs: Date.now(),
          home,
          confirm,
        }),
      );
    });
}

function forgettingStore(home: FolderHome | undefined): ForgettingStore {
  return {
    // It lives for this command only, so nothing keeps it for a store that starts anew.
    createUser: async (request) => (await import('../../federation/store/acl.ts')).createStoreUser(request),
    removeUser: async (request) => {
      const { removeStoreUser } = await import('../../federation/store/acl.ts');
      await removeStoreUser(request);
      await home?.forgetStoreUser?.(request.username);
    },
    sayLeft,
  };
}

async function sayLeft({ clusterset, cluster, store, user, svid, bundle }: LastWordRequest): Promise<void> {
  const { openStore } = await import('../../federation/store/open.ts');
  const { writeTombstone } = await import('../../federation/store/tombstone.ts');
  const { bundleVerifier, headSigner } = await import('../../federation/store/head-signature.ts');
  const { bundlesFor } = await import('../../trust/bundle.ts');
  const driver = openStore(
    store.kind === 'memory'
      ? store
      : {
          ...store,
          username: user?.username,
          password: user?.password,
          caPem: store.caPem,
          sentinel: store.sentinel,
          cluster: store.cluster ?? false,
        },
    { clusterset, clock: SYSTEM_CLOCK, random: Math.random },
  );
  try {
    await writeTombstone({
      driver,
      local: {
        name: cluster,
        clusterset,
        trustDomain: svid.id.trustDomain,
        locality: { region: 'unknown', zone: 'unknown' },
      },
      signer: headSigner(svid),
      verifier: bundleVerifier(clusterset, (domain) => bundlesFor([domain], bundle), SYSTEM_CLOCK),
      clock: SYSTEM_CLOCK,
      timeoutMs: TOMBSTONE_TIMEOUT_MS,
    });
  } finally {
    await driver.close();
  }
}

const FORGET_EXAMPLES = `
A cluster that still runs leaves by itself: isthmus cluster leave, there.

Examples:
  isthmus cluster forget west --context east --dry-run
  isthmus cluster forget west --context east --also-context north --also-context south
  isthmus cluster forget west --dir east --yes`;
