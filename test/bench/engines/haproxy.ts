import { freePort } from '../../fixtures/ephemeral-port.ts';
import { type Engine, type EnginePair, type EnginePlace, pidOf } from '../engine.ts';
import { startServer } from '../program.ts';

/** One thread each, HTTP/2 over mTLS between them. */
export function haproxy(binary: string): Engine {
  return { name: 'haproxy', cannot: () => undefined, start: (place) => start(place, binary) };
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
    // By default 64 KiB, which no distance forgives; this is the most that Isthmus grows to.
    TUNING: scenario.kind === 'distance' ? 'tune.h2.initial-window-size 4194304' : '',
    CLIENT_PROTOCOL: h2 ? 'proto h2' : '',
    BACKEND_PROTOCOL: h2 ? 'proto h2' : '',
  };
  const run = (side: 'east' | 'west', port: number) => {
    const config = workspace.fill(`haproxy${tcp}-${side}.cfg`, values);
    return startServer(lifetime, binary, ['-db', '-q', '-f', config], port);
  };
  const west = await run('west', values.TRUNK_PORT);
  const east = await run('east', values.PORT);
  return { port: values.PORT, tlsPort: values.TLS_PORT, eastPid: pidOf(east), westPid: pidOf(west) };
}
