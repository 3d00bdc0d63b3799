import { isPlaceName } from '../../federation/model/cluster.ts';
import { type HostPort, hostPort, isLoopback } from '../../federation/model/endpoint.ts';
import type { FolderPlan, ListenPlan, RunningPlan } from '../folder/configuration.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import { isWildcard, parseHostPort } from './address.ts';
import { usageError, wholeNumber } from './usage-error.ts';

/** What init and join take alike, as commander leaves it. */
export interface FolderFlags {
  readonly dir: string;
  readonly region?: string;
  readonly zone?: string;
  readonly listenHttp: string;
  readonly listenMesh: string;
  readonly listenGatewayAdmin: string;
  readonly listenFederation: string;
  readonly listenIssuer: string;
  readonly listenFederationAdmin: string;
  readonly servicesHost: string;
  readonly servicePorts: string;
  readonly advertise?: readonly string[];
  readonly workers?: string;
  readonly accessLogSample: string;
}

/** Loopback only: nothing is opened to the network that was not asked for. */
export const FOLDER_DEFAULTS = {
  dir: '.',
  listenHttp: '127.0.0.1:15080',
  listenMesh: '127.0.0.1:15443',
  listenGatewayAdmin: '127.0.0.1:15021',
  listenFederation: '127.0.0.1:15010',
  listenIssuer: '127.0.0.1:15012',
  listenFederationAdmin: '127.0.0.1:15011',
  servicesHost: '127.0.0.1',
  servicePorts: '15500-32767',
  accessLogSample: '1',
} as const satisfies Partial<FolderFlags>;

const MAX_WORKERS = 256;
const MAX_ADVERTISED = 32;
const MAX_PORT = 65_535;

/** @throws UserError with exit code 2 naming the flag. */
export function parseFolderFlags(flags: FolderFlags): Omit<RunningPlan, 'cluster'> {
  const listen = parseListen(flags);
  return {
    dir: flags.dir,
    locality: { region: place('--region', flags.region), zone: place('--zone', flags.zone) },
    listen,
    advertise: parseAdvertise(flags.advertise ?? [], listen.mesh),
    workers:
      flags.workers === undefined ? undefined : wholeNumber('--workers', flags.workers, 1, MAX_WORKERS),
    accessLogSample: parseSample(flags.accessLogSample),
  };
}

/**
 * The same for a cluster in Kubernetes, which says itself where it is and where its gateways are; its programs' own
 * files are the chart's.
 * @throws UserError as `parseFolderFlags`, and when its gateways cannot be reached from outside
 */
export async function keptFolderPlan(
  flags: FolderFlags,
  home: FolderHome,
): Promise<Omit<FolderPlan, 'cluster'>> {
  const { region, zone, advertise = [] } = flags;
  if ((region === undefined) !== (zone === undefined)) {
    throw usageError('--region and --zone belong together', 'give both, or none of them');
  }
  return {
    dir: flags.dir,
    locality:
      region === undefined || zone === undefined
        ? await home.locality()
        : { region: place('--region', region), zone: place('--zone', zone) },
    listen: undefined,
    advertise: advertise.length > 0 ? advertisedTexts(advertise) : await home.advertised(),
    workers: undefined,
    accessLogSample: parseSample(flags.accessLogSample),
  };
}

function place(flag: '--region' | '--zone', text: string | undefined): string {
  if (text === undefined) {
    throw usageError(`required option '${flag} <name>' not specified`, 'say where the cluster is');
  }
  // As a Kubernetes label value, which is where it will be compared with.
  if (isPlaceName(text)) return text;
  throw usageError(
    `${flag} ${JSON.stringify(text)}: is not a name of a place`,
    'use at most 63 letters, digits, - _ and ., as in eu-central-1a',
  );
}

function parseListen(flags: FolderFlags): ListenPlan {
  const named = {
    '--listen-http': parseHostPort('--listen-http', flags.listenHttp),
    '--listen-mesh': parseHostPort('--listen-mesh', flags.listenMesh),
    '--listen-gateway-admin': parseHostPort('--listen-gateway-admin', flags.listenGatewayAdmin),
    '--listen-federation': parseHostPort('--listen-federation', flags.listenFederation),
    '--listen-issuer': parseHostPort('--listen-issuer', flags.listenIssuer),
    '--listen-federation-admin': parseHostPort('--listen-federation-admin', flags.listenFederationAdmin),
  };
  const servicePorts = parseRange(flags.servicePorts);
  checkLoopback('--listen-gateway-admin', named['--listen-gateway-admin']);
  checkLoopback('--listen-federation-admin', named['--listen-federation-admin']);
  checkApart(named, { host: flags.servicesHost, ...servicePorts });
  return {
    http: named['--listen-http'],
    mesh: named['--listen-mesh'],
    gatewayAdmin: named['--listen-gateway-admin'],
    federation: named['--listen-federation'],
    issuer: named['--listen-issuer'],
    federationAdmin: named['--listen-federation-admin'],
    servicesHost: flags.servicesHost,
    servicePorts,
  };
}

/** Who reaches an admin endpoint can drain a gateway, or have the cluster leave. */
function checkLoopback(flag: string, { host, port }: HostPort): void {
  if (isLoopback(host)) return;
  throw usageError(`${flag} ${hostPort(host, port)}: is not a loopback address`, `use 127.0.0.1:${port}`);
}

interface PortRange {
  readonly from: number;
  readonly to: number;
}

function parseRange(text: string): PortRange {
  const flag = '--service-ports';
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  if (first === undefined || last === undefined) {
    throw usageError(`${flag} ${text}: is not FROM-TO`, 'for example 15500-32767');
  }
  const range = { from: wholeNumber(flag, first, 1, MAX_PORT), to: wholeNumber(flag, last, 1, MAX_PORT) };
  if (range.from <= range.to) return range;
  throw usageError(`${flag} ${text}: begins after its end`, `use ${range.to}-${range.from}`);
}

/** Two programs on one port, or a service's port on a listener's, would be found only when they start. */
function checkApart(
  named: Readonly<Record<string, HostPort>>,
  services: PortRange & { readonly host: string },
): void {
  const seen: [string, HostPort][] = [];
  for (const [flag, address] of Object.entries(named)) {
    const { host, port } = address;
    const twin = seen.find(([, other]) => other.port === port && overlap(other.host, host));
    if (twin !== undefined) {
      throw usageError(`${flag} and ${twin[0]} are both ${hostPort(host, port)}`, 'give each its own port');
    }
    if (port >= services.from && port <= services.to && overlap(services.host, host)) {
      throw usageError(
        `${flag} ${hostPort(host, port)}: is among the service ports ${services.from}-${services.to}`,
        'give it another port, or other --service-ports',
      );
    }
    seen.push([flag, address]);
  }
}

function overlap(one: string, other: string): boolean {
  return one === other || isWildcard(one) || isWildcard(other);
}

function parseAdvertise(given: readonly string[], mesh: HostPort): string[] {
  return given.length === 0 ? [dialable(mesh)] : advertisedTexts(given);
}

function advertisedTexts(given: readonly string[]): string[] {
  if (given.length > MAX_ADVERTISED) {
    throw usageError(`--advertise is given ${given.length} times`, `give it at most ${MAX_ADVERTISED} times`);
  }
  return given.map((text) => dialable(parseHostPort('--advertise', text)));
}

function dialable({ host, port }: HostPort): string {
  if (!isWildcard(host)) return hostPort(host, port);
  throw usageError(
    `peers cannot dial ${hostPort(host, port)}`,
    'say with --advertise HOST:PORT where they reach the mesh listener of this cluster',
  );
}

function parseSample(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw usageError(`--access-log-sample ${text}: is not a share`, 'use a number from 0 (none) to 1 (all)');
}
