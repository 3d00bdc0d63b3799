import { join } from 'node:path';
import { type AccessRule, EVERY_REQUEST } from '../../../federation/model/policy.ts';
import { freePort } from '../../fixtures/ephemeral-port.ts';
import { GatewayProcess, gatewayPorts, writeGatewayFolder } from '../../fixtures/gateway-process.ts';
import { type Engine, type EnginePair, type EnginePlace, pidOf } from '../engine.ts';

/** Real gateway processes with what a cluster has: metrics, a FailoverPolicy, an access rule, a sampled log. */
export const ISTHMUS: Engine = { name: 'isthmus', cannot: () => undefined, start };

const PROTOCOLS = { h1: 'http', h2: 'http2', grpc: 'http2', tcp: 'tcp' } as const;

const ACCESS: readonly AccessRule[] = [
  {
    ...EVERY_REQUEST,
    action: 'deny',
    principals: ['spiffe://elsewhere.example/*'],
  },
  {
    ...EVERY_REQUEST,
    action: 'allow',
    sourceClusters: ['east'],
    methods: ['GET', 'POST'],
    pathPrefixes: ['/'],
  },
];

async function start(place: EnginePlace): Promise<EnginePair> {
  const { lifetime, workspace, scenario, backend, link } = place;
  const cleanup = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
  const [east, west] = await Promise.all([gatewayPorts(), gatewayPorts()]);
  const linkPort = await link(west.mesh);
  const protocol = PROTOCOLS[scenario.protocol];
  const opaque = protocol === 'tcp';
  const access = opaque ? ACCESS.map((rule) => ({ ...rule, methods: [], pathPrefixes: [] })) : ACCESS;
  const service = { name: 'payments', protocol, access };
  const listenPort = opaque ? await freePort() : undefined;
  const settings = {
    accessLog: { sample: 0.01, file: 'access.log' },
    // The same work: the others' configurations do not say where a request came from either.
    forwarding: { xForwarded: 'keep', forwarded: 'keep' },
  };
  const run = async (cluster: 'east' | 'west'): Promise<GatewayProcess> => {
    const own = cluster === 'east' ? east : west;
    const configFile = await writeGatewayFolder(join(workspace.folder, cluster), workspace.clusterset, {
      cluster,
      ports: own,
      workers: 1,
      settings,
      peers: cluster === 'east' ? { west: [linkPort] } : { east: [east.mesh] },
      services: [
        cluster === 'east'
          ? { ...service, endpoints: [], offeredBy: ['west'], listenPort }
          : { ...service, endpoints: [backend[scenario.protocol]], offeredBy: [] },
      ],
    });
    const gateway = GatewayProcess.start(cleanup, configFile, own.admin);
    await gateway.ready();
    return gateway;
  };
  const westGateway = await run('west');
  const eastGateway = await run('east');
  return {
    port: listenPort ?? east.http,
    tlsPort: east.http,
    eastPid: pidOf(eastGateway.process),
    westPid: pidOf(westGateway.process),
  };
}
