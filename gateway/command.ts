import type { Command } from 'commander';
import { stringify } from 'yaml';
import { UserError } from '../federation/model/user-error.ts';
import { SYSTEM_CLOCK } from '../federation/runtime/clock.ts';
import { type Readable, Watchable } from '../federation/runtime/watchable.ts';
import { askStatus, type GatewayStatus, printStatus } from './admin/status-client.ts';
import { type GatewayConfig, type KubernetesConfig, loadGatewayFile } from './config.ts';
import { createOperationLog } from './telemetry/operation-log.ts';
import { Gateway } from './worker/gateway.ts';

const ENDING_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export function registerGatewayCommand(program: Command): void {
  const gateway = program.command('gateway').description("this cluster's data plane");
  gateway
    .command('run')
    .description('run a gateway until it is told to end (SIGTERM drains it)')
    .addHelpText('after', '\nExamples:\n  isthmus gateway run --config east/gateway.yaml')
    .requiredOption('--config <file>', 'its configuration, gateway.yaml')
    .action(async ({ config }: { config: string }) => {
      const file = await loadGatewayFile(config);
      const version = program.version() ?? '';
      if (file.kind === 'folder') await run(file.config, version);
      else await runInKubernetes(file.config, version);
    });
  gateway
    .command('status')
    .description('what a running gateway says of itself; exit code 3 when it is not ready')
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus gateway status --config east/gateway.yaml\n  isthmus gateway status --admin 127.0.0.1:15000 --output json',
    )
    .option('--admin <address>', 'HOST:PORT or the path of its admin endpoint')
    .option('--config <file>', 'or its configuration, which names the endpoint')
    .option('--output <format>', 'text, json or yaml', 'text')
    .action(async (options: StatusOptions) => {
      process.exitCode = await status(options);
    });
}

interface StatusOptions {
  readonly admin?: string;
  readonly config?: string;
  readonly output: string;
}

/** Waits for a membership, and runs for as long as it is that one; kubelet starts it again for the next. */
async function runInKubernetes(config: KubernetesConfig, softwareVersion: string): Promise<void> {
  process.title = `isthmus gateway of ${config.cluster}`;
  const { waitForMembership } = await import('./kubernetes-command.ts');
  const early = Promise.withResolvers<void>();
  const onSignal = (): void => early.resolve();
  for (const signal of ENDING_SIGNALS) process.on(signal, onSignal);
  const membership = await waitForMembership(config, early.promise);
  for (const signal of ENDING_SIGNALS) process.off(signal, onSignal);
  if (membership === undefined) return;
  try {
    await run(membership.config, softwareVersion, membership.changed);
  } finally {
    await membership.close();
  }
}

/** Resolves when the gateway has ended as it was asked to. @param over true when it is to drain and end by itself */
async function run(
  config: GatewayConfig,
  softwareVersion: string,
  over: Readable<boolean> = new Watchable(false),
): Promise<void> {
  process.title = `isthmus gateway of ${config.local.name}`;
  const log = createOperationLog('gateway');
  const { promise: failed, reject: onFatal } = Promise.withResolvers<never>();
  const gateway = await Gateway.start({
    config,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    log,
    softwareVersion,
    onFatal,
  });
  const drainWhenOver = (isOver: boolean): void => {
    if (!isOver) return;
    log.warn(
      'this cluster is a member of another clusterset now: the gateway ends, and starts again as its own',
    );
    gateway.drain().catch(() => gateway.kill());
  };
  const stop = over.watch(drainWhenOver);
  drainWhenOver(over.value);
  try {
    await Promise.race([failed, untilToldToEnd(gateway)]);
  } finally {
    stop();
    // Only after a failure is anything left to end.
    gateway.kill();
  }
}

/**
 * SIGTERM and SIGINT drain, a second one ends at once; SIGUSR2 opens the access log's file anew. Resolves when a
 * drain is over, whoever asked for it.
 */
function untilToldToEnd(gateway: Gateway): Promise<void> {
  return new Promise((resolve, reject) => {
    let signals = 0;
    const onSignal = (): void => {
      signals++;
      if (signals === 1) gateway.drain().catch(reject);
      else gateway.kill();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    process.on('SIGUSR2', () => gateway.reopenLog());
    gateway.ended.then(resolve, reject);
  });
}

const PRINTERS: ReadonlyMap<string, (status: GatewayStatus) => string> = new Map([
  ['text', (status) => printStatus(status, Date.now())],
  ['json', (status) => JSON.stringify(status, undefined, 2)],
  ['yaml', (status) => stringify(status).trimEnd()],
]);

async function status({ admin, config, output }: StatusOptions): Promise<number> {
  const print = PRINTERS.get(output);
  if (print === undefined) {
    throw new UserError(`--output ${output}: it is text, json or yaml`, { exitCode: 2 });
  }
  if ((admin === undefined) === (config === undefined)) {
    throw new UserError('which gateway?', { hint: 'name it by --admin or by --config', exitCode: 2 });
  }
  const address = config === undefined ? admin : (await loadGatewayFile(config)).config.admin;
  if (address === undefined) throw new UserError('which gateway?', { exitCode: 2 });
  const answer = await askStatus(address);
  console.log(print(answer));
  return answer.ready ? 0 : 3;
}
