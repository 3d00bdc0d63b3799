import { join } from 'node:path';
import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { GatewayProcess, gatewayPorts, writeGatewayFolder } from '../fixtures/gateway-process.ts';
import type { TestService } from '../fixtures/test-snapshot.ts';
import { startServer } from './program.ts';
import { type Backend, backendPort, type ScenarioName } from './scenario.ts';
import type { Workspace } from './workspace.ts';

export type EngineName = 'isthmus' | 'haproxy' | 'envoy';

/** Two gateways in a row, one thread or worker each: east takes the load, west has the backend. */
export interface EnginePair {
  readonly name: EngineName;
  /** Where the load goes. */
  readonly port: number;
  readonly eastPid: number;
  readonly westPid: number;
}

/** What an engine is started with. */
export interface EnginePlace {
  readonly lifetime: Lifetime;
  readonly workspace: Workspace;
  readonly scenario: ScenarioName;
  readonly backend: Backend;
}

/** Real gateway processes with what a cluster has: metrics, a FailoverPolicy, an access rule, a sampled log. */
export async function startIsthmus(place: EnginePlace): Promise<EnginePair> {
  const { lifetime, workspace, scenario, backend } = place;
  const cleanup = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
  const [east, west] = await Promise.all([gatewayPorts(), gatewayPorts()]);
  const service: Omit<TestService, 'endpoints' | 'offeredBy'> = {
    name: 'payments',
    protocol: scenario === 'h2' ? 'http2' : 'http',
    access: [
      {
        action: 'deny',
        principals: ['spiffe://elsewhere.example/*'],
        sourceClusters: [],
        methods: [],
        pathPrefixes: [],
      },
      {
        action: 'allow',
        principals: [],
        sourceClusters: ['east'],
        methods: ['GET', 'POST'],
        pathPrefixes: ['/'],
      },
    ],
  };
  const settings = { accessLog: { sample: 0.01, file: 'access.log' } };
  const start = async (cluster: 'east' | 'west'): Promise<GatewayProcess> => {
    const own = cluster === 'east' ? east : west;
    const configFile = await writeGatewayFolder(join(workspace.folder, cluster), workspace.clusterset, {
      cluster,
      ports: own,
      workers: 1,
      settings,
      peers: cluster === 'east' ? { west: [west.mesh] } : { east: [east.mesh] },
      services: [
        cluster === 'east'
          ? { ...service, endpoints: [], offeredBy: ['west'] }
          : { ...service, endpoints: [backendPort(scenario, backend)], offeredBy: [] },
      ],
    });
    const gateway = GatewayProcess.start(cleanup, configFile, own.admin);
    await gateway.ready();
    return gateway;
  };
  const westGateway = await start('west');
  const eastGateway = await start('east');
  return {
    name: 'isthmus',
    port: east.http,
    eastPid: pidOf(eastGateway.process.pid),
    westPid: pidOf(westGateway.process.pid),
  };
}

export async function startHaproxy(place: EnginePlace, binary: string): Promise<EnginePair> {
  const { lifetime, workspace, scenario, backend } = place;
  const h2 = scenario === 'h2';
  const values = {
    PORT: await freePort(),
    TRUNK_PORT: await freePort(),
    BACKEND_PORT: backendPort(scenario, backend),
    CLIENT_PROTOCOL: h2 ? 'proto h2' : '',
    BACKEND_PROTOCOL: h2 ? 'proto h2' : '',
  };
  const start = (side: 'east' | 'west', port: number) => {
    const config = workspace.fill(`haproxy-${side}.cfg`, values);
    return startServer(lifetime, binary, ['-db', '-q', '-f', config], port);
  };
  const west = await start('west', values.TRUNK_PORT);
  const east = await start('east', values.PORT);
  return { name: 'haproxy', port: values.PORT, eastPid: pidOf(east.pid), westPid: pidOf(west.pid) };
}

export async function startEnvoy(place: EnginePlace, binary: string): Promise<EnginePair> {
  const { lifetime, workspace, scenario, backend } = place;
  const h2 = scenario === 'h2';
  const values = {
    PORT: await freePort(),
    TRUNK_PORT: await freePort(),
    BACKEND_PORT: backendPort(scenario, backend),
    CODEC: h2 ? 'HTTP2' : 'HTTP1',
    BACKEND_CONNECTIONS: h2 ? 8 : 4000,
    BACKEND_OPTIONS: h2 ? 'http2_protocol_options: *windows' : 'http_protocol_options: {}',
  };
  const start = (side: 'east' | 'west', id: number, port: number) => {
    const config = workspace.fill(`envoy-${side}.yaml`, values);
    const args = ['-c', config, '--concurrency', '1', '--base-id', String(id), '-l', 'error'];
    return startServer(lifetime, binary, args, port);
  };
  // Processes of one base id share memory; another run may be on this machine.
  const baseId = (process.pid % 10_000) * 2;
  const west = await start('west', baseId, values.TRUNK_PORT);
  const east = await start('east', baseId + 1, values.PORT);
  return { name: 'envoy', port: values.PORT, eastPid: pidOf(east.pid), westPid: pidOf(west.pid) };
}

function pidOf(pid: number | undefined): number {
  if (pid === undefined) throw new Error('a gateway could not be started');
  return pid;
}
