import { join } from 'node:path';
import { freePort } from '../../fixtures/ephemeral-port.ts';
import { type Engine, type EngineName, type EnginePair, type EnginePlace, pidOf } from '../engine.ts';
import type { NodeGatewaySettings } from '../peers/gateway-settings.ts';
import { startServer } from '../program.ts';

const PROGRAMS = join(import.meta.dirname, '..', 'peers');

/** What a Node user would write: one process each, on the same Node. */
export const NODE_HTTP2: Engine = nodeGateway('nodeHttp2', 'node-http2-gateway.ts', ({ protocol }) =>
  protocol === 'tcp' ? 'it is a gateway for HTTP only' : undefined,
);

export const HTTP2_PROXY: Engine = nodeGateway('http2Proxy', 'http2-proxy-gateway.ts', ({ protocol }) => {
  if (protocol === 'tcp') return 'http2-proxy is for HTTP only';
  return protocol === 'grpc' ? 'http2-proxy speaks HTTP/1.1 behind itself, gRPC needs HTTP/2' : undefined;
});

function nodeGateway(name: EngineName, program: string, cannot: Engine['cannot']): Engine {
  return { name, cannot, start: (place) => start(place, join(PROGRAMS, program), name) };
}

async function start(place: EnginePlace, program: string, name: EngineName): Promise<EnginePair> {
  const { lifetime, workspace, scenario, backend, link } = place;
  const [port, tlsPort, trunkPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const linkPort = await link(trunkPort);
  // http2-proxy speaks HTTP/1.1 to what is behind it.
  const plainBackend = name === 'http2Proxy' || scenario.protocol === 'h1';
  const settings = {
    port,
    tlsPort,
    linkPort,
    trunkPort,
    backendPort: plainBackend ? backend.h1 : backend[scenario.protocol],
    http2: scenario.protocol !== 'h1',
    pki: workspace.pki,
  };
  const run = (side: NodeGatewaySettings['side'], listensOn: number) => {
    const told = JSON.stringify({ side, ...settings } satisfies NodeGatewaySettings);
    return startServer(lifetime, process.execPath, [program, told], listensOn);
  };
  const west = await run('west', trunkPort);
  const east = await run('east', port);
  return { port, tlsPort, eastPid: pidOf(east), westPid: pidOf(west) };
}
