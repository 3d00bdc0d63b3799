import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { KubeClient } from '../../../clusters/kubernetes/kube-client.ts';
import { resourceType } from '../../../clusters/kubernetes/resource-type.ts';
import type { IsthmusProcess } from '../../fixtures/isthmus-process.ts';
import { KubeApiServer } from '../../fixtures/kube-api-server.ts';
import { KubernetesRelease } from '../../fixtures/kubernetes-release.ts';
import { RedisServer } from '../../fixtures/redis-server.ts';
import { ask, RunningCluster } from '../../fixtures/running-cluster.ts';
import type { Pids } from './process-usage.ts';
import { NAMESPACE } from './service-objects.ts';
import { Turns } from './turns.ts';

interface Owner {
  after(end: () => void | Promise<void>): void;
}

const NAMESPACES = resourceType('', 'v1', 'namespaces', false);
const IMPORTS = resourceType('multicluster.x-k8s.io', 'v1beta1', 'serviceimports');
/** An address of this machine that no other program listens on: ten thousand ports are opened there. */
const SERVICES_HOST = '127.0.0.2';
const SERVICE_PORTS = '15500-32767';
const POLL_MS = 100;
/** They share two cores with all that is measured: a heap may grow to five times what is in use, etcd has one thread. */
const KUBE_ENV = { api: { GOGC: '400', GOMEMLIMIT: '8GiB' }, etcd: { GOMAXPROCS: '1' } } as const;

/** As the chart has it: 60 % of the 1 GiB that a federation service's container may have. */
const FEDERATION_HEAP = '--max-old-space-size=614';

/**
 * West in Kubernetes, whose endpoints change, and east in a folder, which is told of it: real programs, one gateway
 * each, over a real API server and a real Redis. Made by the commands that a person would use.
 */
export class TwoClusters {
  readonly east: RunningCluster;
  readonly west: KubernetesRelease;
  readonly api: KubeApiServer;
  readonly redis: RedisServer;
  /** As an administrator of west. */
  readonly admin: KubeClient;
  readonly turns: { readonly east: Turns; readonly west: Turns };
  readonly #running = new Map<string, IsthmusProcess>();
  readonly #store: Redis;

  private constructor(parts: Pick<TwoClusters, 'east' | 'west' | 'api' | 'redis' | 'turns'>) {
    this.east = parts.east;
    this.west = parts.west;
    this.api = parts.api;
    this.redis = parts.redis;
    this.turns = parts.turns;
    this.admin = parts.west.admin;
    this.#store = parts.redis.client();
  }

  /** Both are members, nothing is exported yet, and west's federation service does not run. */
  static async start(owner: Owner, folder: string): Promise<TwoClusters> {
    const redis = await RedisServer.start(owner);
    const api = await KubeApiServer.start(owner, KUBE_ENV);
    const west = await KubernetesRelease.install(owner, 'west', api);
    await west.balance('127.0.0.1');
    const services = { host: SERVICES_HOST, ports: SERVICE_PORTS };
    const east = await RunningCluster.plan(owner, folder, 'east', services);
    const turns = {
      east: new Turns(join(folder, 'east.turns')),
      west: new Turns(join(folder, 'west.turns')),
    };
    const clusters = new TwoClusters({ east, west, api, redis, turns });
    await clusters.#found(folder);
    return clusters;
  }

  /** The service, from its start to when it says that it serves. */
  async startWest(): Promise<void> {
    const { process } = await this.west.federation(0, { env: federationEnv(this.turns.west) });
    this.#running.set('westFederation', process);
  }

  get pids(): Pids {
    const { api, etcd } = this.api.pids;
    const programs = [...this.#running].map(([name, program]) => [name, program.pid] as const);
    const others = [
      ['redis', this.redis.pid],
      ['kubeApiserver', api],
      ['etcd', etcd],
    ] as const;
    return new Map([...programs, ...others].filter((one): one is [string, number] => one[1] !== undefined));
  }

  /** Services that east's gateway routes, by the snapshot that its workers have. */
  async routedServices(): Promise<number> {
    const { body } = await ask(this.east.ports.gatewayAdmin, '/status');
    return body === '' ? 0 : ((JSON.parse(body).snapshot?.services as number | undefined) ?? 0);
  }

  /** ServiceImports that west's federation service has made. */
  async importedServices(): Promise<number> {
    let count = 0;
    for await (const { items } of this.admin.list(IMPORTS, { metadataOnly: true })) count += items.length;
    return count;
  }

  /** What east's gateway has counted, as Prometheus reads it. */
  async eastMetrics(): Promise<string> {
    return (await ask(this.east.ports.gatewayAdmin, '/metrics')).body;
  }

  /** Bytes that Redis has received and sent since it runs. */
  async storeTraffic(): Promise<{ readonly received: number; readonly sent: number }> {
    const info = await this.#store.info('stats');
    const at = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
    return { received: at('total_net_input_bytes'), sent: at('total_net_output_bytes') };
  }

  async #found(folder: string): Promise<void> {
    const { east, west } = this;
    const metadata = { name: NAMESPACE };
    await this.admin.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata });
    await east.init(this.redis.url);
    this.#running.set('eastFederation', east.federation({ env: federationEnv(this.turns.east) }));
    this.#running.set('eastGateway', east.gateway());
    const first = await west.federation(0);
    const gateway = (await west.gateway()).start();
    this.#running.set('westGateway', gateway);
    mkdirSync(folder, { recursive: true });
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, await east.invite('west'), { mode: 0o600 });
    const { federationTelemetry, gatewayTelemetry } = west.ports;
    await first.process.until('it waits', () => says(federationTelemetry, 'waiting'));
    const place = ['--region', 'eu', '--zone', 'eu-west'];
    await first.process.until('east serves', () => says(east.ports.gatewayAdmin, 'ready'));
    const joined = await first.run('join', '--token-file', tokenFile, ...place);
    if (joined.code !== 0) throw new Error(`west could not join: ${joined.stderr}`);
    await first.process.until('west serves', () => says(federationTelemetry, 'ready'));
    await gateway.until('west has a gateway', () => says(gatewayTelemetry, 'ready'));
    await first.process.stop();
  }
}

function federationEnv({ env }: Turns): Readonly<Record<string, string>> {
  return { ...env, NODE_OPTIONS: `${env.NODE_OPTIONS} ${FEDERATION_HEAP}` };
}

async function says(port: number, word: string): Promise<boolean> {
  const { body } = await ask(port, '/readyz');
  return body.includes(`"${word}"`);
}

/** Waits for what must come while nothing ends it. @throws when it does not come in time */
export async function until(what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not in ${timeoutMs / 1000} s: ${what}`);
    await sleep(POLL_MS);
  }
}
