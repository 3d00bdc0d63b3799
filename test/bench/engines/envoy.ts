import { freePort } from '../../fixtures/ephemeral-port.ts';
import { type Engine, type EnginePair, type EnginePlace, pidOf } from '../engine.ts';
import { startServer } from '../program.ts';

/** One thread each, HTTP/2 over mTLS between them. */
export function envoy(binary: string): Engine {
  return { name: 'envoy', cannot: () => undefined, start: (place) => start(place, binary) };
}

async function start(place: EnginePlace, binary: string): Promise<EnginePair> {
  const { lifetime, workspace, scenario, backend, link } = place;
  const trunkPort = await freePort();
  const h2 = scenario.protocol !== 'h1';
  const tcp = scenario.protocol === 'tcp' ? '-tcp' : '';
  const values = {
    PORT: await freePort(),
    TLS_PORT: await freePort(),
    TRUNK_PORT: trunkPort,
    LINK_PORT: await link(trunkPort),
    BACKEND_PORT: backend[scenario.protocol],
    CODEC: h2 ? 'HTTP2' : 'HTTP1',
    BACKEND_CONNECTIONS: h2 ? 8 : 4000,
    BACKEND_OPTIONS: h2 ? 'http2_protocol_options: *windows' : 'http_protocol_options: {}',
  };
  const run = (side: 'east' | 'west', port: number) => {
    const config = workspace.fill(`envoy${tcp}-${side}.yaml`, values);
    const args = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '-l', 'error'];
    return startServer(lifetime, binary, args, port);
  };
  const west = await run('west', values.TRUNK_PORT);
  const east = await run('east', values.PORT);
  return { port: values.PORT, tlsPort: values.TLS_PORT, eastPid: pidOf(east), westPid: pidOf(west) };
}
