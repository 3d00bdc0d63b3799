import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { grpcPod, tcpEchoPod, webSocketEchoPod } from '../fixtures/echo-pods.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { startGateway } from '../fixtures/gateway-pair.ts';
import { type GatewayPlan, GatewayProcess, gatewayPorts } from '../fixtures/gateway-process.ts';
import { Http1Backend } from '../fixtures/http1-backend.ts';
import { type Replica, startLayer4Balancer } from '../fixtures/layer4-balancer.ts';
import { missingTools, requireTool } from '../fixtures/requirement.ts';
import { RestartLoad } from '../fixtures/restart-load.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';
import type { TestService } from '../fixtures/test-snapshot.ts';

/**
 * Until the balancer has seen that a gateway is not ready, that gateway takes connections. It looks each 100 ms, but a
 * crowded machine may keep it from looking for a second.
 */
const DRAIN_DELAY_MS = 3_000;
/** Load on each replica before and after each restart. */
const SETTLE_MS = 1_500;

type Kind = 'http' | 'grpc' | 'websocket' | 'tcp';
const SERVICES: ReadonlyArray<Pick<TestService, 'name' | 'protocol'> & { readonly kind: Kind }> = [
  { kind: 'http', name: 'payments', protocol: 'http' },
  { kind: 'grpc', name: 'greeter', protocol: 'http2' },
  { kind: 'websocket', name: 'chat', protocol: 'http' },
  { kind: 'tcp', name: 'echo', protocol: 'tcp' },
];

interface GatewayReplica {
  readonly plan: GatewayPlan;
  readonly folder: string;
  process: GatewayProcess;
}

type Ports = Awaited<ReturnType<typeof gatewayPorts>>;
type Cluster = 'east' | 'west';

async function startReplica(t: TestContext, folder: string, clusterset: TestClusterset, plan: GatewayPlan) {
  const replica: GatewayReplica = { plan, folder, process: await startGateway(t, folder, clusterset, plan) };
  await replica.process.ready();
  return replica;
}

function planOf(cluster: Cluster, ports: Ports, peers: readonly Ports[], services: TestService[]) {
  const other = cluster === 'east' ? 'west' : 'east';
  const settings = { drainDelayMs: DRAIN_DELAY_MS };
  return {
    cluster,
    ports,
    services,
    settings,
    peers: { [other]: peers.map(({ mesh }) => mesh) },
    workers: 2,
  };
}

async function restart(t: TestContext, replica: GatewayReplica): Promise<void> {
  const { process, plan, folder } = replica;
  process.process.kill('SIGTERM');
  assert.deepEqual(await process.exited, { code: 0, signal: null });
  replica.process = GatewayProcess.start(t, join(folder, 'gateway.yaml'), plan.ports.admin);
  await replica.process.ready();
  await sleep(SETTLE_MS);
}

async function startClusters(t: TestContext, folder: string) {
  const clusterset = await TestClusterset.create(['east', 'west']);
  const pods: Readonly<Record<Kind, number>> = {
    http: (await Http1Backend.start(t, 'west')).port,
    grpc: await grpcPod(t),
    websocket: await webSocketEchoPod(t),
    tcp: await tcpEchoPod(t),
  };
  const east = await Promise.all([gatewayPorts(), gatewayPorts()]);
  const west = await Promise.all([gatewayPorts(), gatewayPorts()]);
  const replicas: GatewayReplica[] = [];
  for (const [index, ports] of west.entries()) {
    const services = SERVICES.map(({ kind, ...service }) => ({
      ...service,
      endpoints: [pods[kind]],
      offeredBy: [],
    }));
    const plan = planOf('west', ports, east, services);
    replicas.push(await startReplica(t, join(folder, `west-${index}`), clusterset, plan));
  }
  const fronts: Record<Kind, Replica[]> = { http: [], grpc: [], websocket: [], tcp: [] };
  for (const [index, ports] of east.entries()) {
    const services: TestService[] = [];
    for (const { kind, ...service } of SERVICES) {
      const listenPort = await freePort();
      fronts[kind].push({ port: listenPort, adminPort: ports.admin });
      services.push({ ...service, listenPort, endpoints: [], offeredBy: ['west'] });
    }
    const plan = planOf('east', ports, west, services);
    const replica = await startReplica(t, join(folder, `east-${index}`), clusterset, plan);
    await replica.process.reaches('west');
    replicas.push(replica);
  }
  return { replicas, fronts };
}

describe('a rolling restart of all gateways', { skip: missingTools('haproxy') }, () => {
  it('fails nothing of HTTP/1.1, gRPC streams, WebSockets and TCP', async (t) => {
    const haproxy = requireTool(t, 'haproxy');
    if (haproxy === undefined) return;
    const folder = tempFolder(t);
    const { replicas, fronts } = await startClusters(t, folder);
    const ports = await startLayer4Balancer(t, haproxy, folder, fronts);
    await sleep(SETTLE_MS);
    const load = new RestartLoad(ports as Record<Kind, number>);
    t.after(() => load.stop());
    await sleep(SETTLE_MS);
    for (const replica of replicas) await restart(t, replica);
    // Enough of each kind, however slow the machine; a talk that fails is not waited for.
    while (load.failures.length === 0 && Object.values(load.done).some((count) => count < 20))
      await sleep(50);
    await load.stop();
    assert.deepEqual(load.failures, []);
    t.diagnostic(JSON.stringify(load.done));
  });
});
