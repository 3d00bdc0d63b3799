import { type Command, Option } from 'commander';
import { CommandOutput, type OutputFormat } from '../commands/command-output.ts';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';

/** What `withOutput` gives. */
export type OutputFlag = { readonly output: OutputFormat };

export function withFolder(command: Command): void {
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

export function withOutput(command: Command): Command {
  return command.addOption(
    new Option('--output <format>', 'how to print the result')
      .choices(['text', 'json', 'yaml'])
      .default('text'),
  );
}

export function outputOf(flags: OutputFlag): CommandOutput {
  return new CommandOutput(flags.output, process);
}

export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
