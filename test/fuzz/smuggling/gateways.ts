import { join } from 'node:path';
import type { Lifetime } from '../../../federation/runtime/lifetime.ts';
import { startGateway } from '../../fixtures/gateway-pair.ts';
import { type GatewayProcess, gatewayPorts } from '../../fixtures/gateway-process.ts';
import { findTool } from '../../fixtures/requirement.ts';
import { TestClusterset } from '../../fixtures/test-clusterset.ts';
import { type LoggingBackend, startHaproxy, startNginx, startNode } from './backends.ts';

export interface SmugglingWorld {
  /** East's shared HTTP port. */
  readonly port: number;
  readonly backends: readonly LoggingBackend[];
  readonly gateways: Readonly<Record<'east' | 'west', GatewayProcess>>;
}

/** What a gateway has in hand for clients: nothing, once they have gone. */
const IN_HAND =
  /^isthmus_(?:held_bytes|trunk_streams|connections_open\{[^}]*listener="http")[^ ]* ([0-9.]+)$/;

/** Samples of either gateway that are not 0. */
export async function inHand({ gateways }: SmugglingWorld): Promise<string[]> {
  const found: string[] = [];
  for (const [name, gateway] of Object.entries(gateways)) {
    const samples = (await gateway.admin('/metrics')).body.split('\n').filter((line) => IN_HAND.test(line));
    if (samples.length === 0) throw new Error(`${name} does not say what it has in hand`);
    found.push(
      ...samples.filter((line) => Number(IN_HAND.exec(line)?.[1]) > 0).map((line) => `${name}: ${line}`),
    );
  }
  return found;
}

/** What clients call the service of a backend. */
export function hostOf(backend: LoggingBackend): string {
  return `${backend.name}.shop.svc.clusterset.local`;
}

/** East, a trunk, and west, as processes; behind west one backend of each kind that is installed. */
export async function startWorld(lifetime: Lifetime, folder: string): Promise<SmugglingWorld> {
  const cleanup = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
  const [nginx, haproxy] = [findTool('nginx'), findTool('haproxy')];
  const backends = [await startNode(lifetime)];
  if (nginx !== undefined) backends.push(await startNginx(lifetime, nginx, folder));
  if (haproxy !== undefined) backends.push(await startHaproxy(lifetime, haproxy, folder));
  const clusterset = await TestClusterset.create(['east', 'west']);
  const [east, west] = await Promise.all([gatewayPorts(), gatewayPorts()]);
  const westGateway = await startGateway(cleanup, join(folder, 'west'), clusterset, {
    cluster: 'west',
    ports: west,
    peers: { east: [east.mesh] },
    services: backends.map(({ name, port }) => ({
      name,
      protocol: 'http',
      endpoints: [port],
      offeredBy: [],
    })),
  });
  const eastGateway = await startGateway(cleanup, join(folder, 'east'), clusterset, {
    cluster: 'east',
    ports: east,
    peers: { west: [west.mesh] },
    services: backends.map(({ name }) => ({ name, protocol: 'http', endpoints: [], offeredBy: ['west'] })),
  });
  await Promise.all([eastGateway.ready(), westGateway.ready()]);
  await eastGateway.reaches('west');
  return { port: east.http, backends, gateways: { east: eastGateway, west: westGateway } };
}
