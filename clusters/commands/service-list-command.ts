import { parseServiceKey } from '../../federation/model/service.ts';
import { readClusterFile } from '../folder/cluster-file.ts';
import { sightLayout } from '../folder/home-file.ts';
import { columns } from './command-output.ts';
import type { LookContext, LookFlags } from './list-command.ts';
import type { ServiceReport } from './programs.ts';

export interface ServiceListFlags extends LookFlags {
  /** Of the services; undefined = all. */
  readonly in?: string;
}

/** `isthmus service list`: every service of the clusterset that this cluster knows, and who has how much of it. */
export async function serviceListCommand(
  flags: ServiceListFlags,
  { output, programs }: LookContext,
): Promise<void> {
  const layout = await sightLayout(flags.dir);
  const { cluster } = await readClusterFile(layout);
  const services = (await programs.askServices(layout.federationFile)).filter(
    ({ service }) => flags.in === undefined || parseServiceKey(service).namespace === flags.in,
  );
  output.result({ cluster, services: services.map((each) => printable(each, cluster)) }, () =>
    services.length === 0
      ? 'no services yet: isthmus service export NAMESPACE/NAME offers one'
      : columns([
          ['SERVICE', 'EXPORTED', 'IMPORTED FROM', 'PORTS', 'HEALTHY'],
          ...services.map((each) => row(each, cluster)),
        ]),
  );
}

function printable(report: ServiceReport, own: string): object {
  return { ...report, importedFrom: importedFrom(report, own) };
}

function importedFrom({ clusters }: ServiceReport, own: string): readonly string[] {
  return clusters.filter(({ cluster }) => cluster !== own).map(({ cluster }) => cluster);
}

function row(report: ServiceReport, own: string): readonly string[] {
  const { service, exported, backendOnly, ports, clusters, conflicts } = report;
  const counts = clusters.map(({ cluster, hosts, healthy, health }) => {
    const state = health === 'steady' ? '' : ` ${health}`;
    return `${cluster} ${healthy}/${hosts}${state}`;
  });
  return [
    service,
    { published: 'yes', pending: 'on its way', no: backendOnly ? '- (backend of a route)' : '-' }[exported] +
      (conflicts.length > 0 ? ' (conflict)' : ''),
    importedFrom(report, own).join(' ') || '-',
    ports.map(({ port, protocol }) => `${port}/${protocol}`).join(' '),
    counts.join(', '),
  ];
}
