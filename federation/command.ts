import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Logger } from 'pino';
import { stringify } from 'yaml';
import { FileProvider } from '../clusters/file-provider.ts';
import { createEnrolment } from '../clusters/join/enrolment.ts';
import type { FederationState } from './admin/state-report.ts';
import { stateText } from './admin/state-text.ts';
import { askState } from './admin/status-client.ts';
import { type FederationConfig, loadFederationFile } from './config.ts';
import { enrolmentLog } from './enrolment-log.ts';
import { FederationService } from './federation-service.ts';
import { parseHostPort } from './model/endpoint.ts';
import { UserError } from './model/user-error.ts';
import { createOperationLog } from './operation-log.ts';
import { exitInTime, untilSignal } from './process-end.ts';
import { SYSTEM_CLOCK } from './runtime/clock.ts';
import { Lifetime } from './runtime/lifetime.ts';
import { Watchable } from './runtime/watchable.ts';
import { SecretFileProof } from './service/gateway-proof.ts';
import { serveMemoryStore } from './store/memory/serve.ts';
import { openStore } from './store/open.ts';
import { readStoreAccess } from './store-access.ts';

/** `isthmus federation`. */
export function registerFederationCommand(program: Command): void {
  const federation = program.command('federation').description("this cluster's control plane");
  federation
    .command('run')
    .description('run the federation service until it is told to end')
    .addHelpText('after', '\nExamples:\n  isthmus federation run --config east/federation.yaml')
    .requiredOption('--config <file>', 'its configuration, federation.yaml')
    .action(async ({ config }: { config: string }) => {
      const file = await loadFederationFile(config);
      if (file.kind === 'folder') {
        await run(file.config, dirname(config));
        return;
      }
      const { runInKubernetes } = await import('./kubernetes-command.ts');
      await runInKubernetes(file.config, config);
    });
  federation
    .command('store')
    .description('run a small store in memory, for trying out and for one machine')
    .addHelpText('after', '\nExamples:\n  isthmus federation store --listen 127.0.0.1:15990')
    .requiredOption('--listen <address>', 'HOST:PORT to listen on')
    .action(async ({ listen }: { listen: string }) => {
      await runStore(listen);
    });
  federation
    .command('status')
    .description('what a running federation service knows; exit code 3 when it is not ready')
    .addHelpText('after', '\nExamples:\n  isthmus federation status --config east/federation.yaml')
    .option('--config <file>', 'its configuration, which names its admin endpoint', 'federation.yaml')
    .addOption(
      new Option('--output <format>', 'how to print it').choices(['text', 'json', 'yaml']).default('text'),
    )
    .action(async ({ config, output }: { config: string; output: OutputFormat }) => {
      const state = await askState((await loadFederationFile(config)).config.admin);
      process.stdout.write(printed(state, output));
      if (state.readiness.kind !== 'ready') process.exitCode = 3;
    });
}

type OutputFormat = 'text' | 'json' | 'yaml';

function printed(state: FederationState, output: OutputFormat): string {
  if (output === 'json') return `${JSON.stringify(state, null, 2)}\n`;
  return output === 'yaml' ? stringify(state) : stateText(state);
}

/** Resolves when it has ended as it was asked to. */
async function run(config: FederationConfig, folder: string): Promise<void> {
  process.title = `isthmus federation of ${config.local.name}`;
  const log = createOperationLog({ process: 'federation', cluster: config.local.name });
  const ended = untilSignal();
  await using lifetime = new Lifetime();
  const service = await open(config, folder, log, lifetime);
  lifetime.add(() => service.close());
  log.info({ ...service.addresses, stateFolder: config.stateFolder }, 'the federation service runs');
  log.info({ signal: await ended }, 'the federation service ends');
  exitInTime(log);
}

async function open(
  config: FederationConfig,
  folder: string,
  log: Logger,
  lifetime: Lifetime,
): Promise<FederationService> {
  const clock = SYSTEM_CLOCK;
  const random = Math.random;
  const access = await readStoreAccess(config.store);
  const driver = openStore(access, { clusterset: config.local.clusterset, clock, random });
  lifetime.add(() => driver.close());
  const provider = await FileProvider.open({
    folder: config.resources,
    lastGoodFile: join(config.stateFolder, 'last-good-resources.json'),
    clock,
    home: config.local.locality,
    network: config.network,
  });
  lifetime.add(() => provider.close());
  const enrolment = createEnrolment({ dir: folder, clock, log: enrolmentLog(log) });
  const gatewayProof = await SecretFileProof.ofFile(config.gatewaySecretFile);
  const gateways = new Watchable(config.gateways);
  return FederationService.start(config, {
    provider,
    driver,
    enrolment,
    gatewayProof,
    gateways,
    clock,
    random,
    log,
  });
}

async function runStore(listen: string): Promise<void> {
  const address = parseHostPort(listen);
  if (address === undefined) {
    throw new UserError(`--listen ${JSON.stringify(listen)} is not an address`, {
      hint: 'write HOST:PORT, e.g. 127.0.0.1:15990',
      exitCode: 2,
    });
  }
  const ended = untilSignal();
  const log = createOperationLog({ process: 'store' });
  const server = await serveMemoryStore(address);
  log.info({ host: address.host, port: server.port }, 'the memory store runs');
  await ended;
  await server.close();
}
