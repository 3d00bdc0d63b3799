import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { KubeClient } from '../../clusters/kubernetes/kube-client.ts';
import { KubernetesProvider } from '../../clusters/kubernetes/kubernetes-provider.ts';
import { resourceType } from '../../clusters/kubernetes/resource-type.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { KubeApiServer } from '../fixtures/kube-api-server.ts';
import { defineKind } from '../fixtures/kube-definitions.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { fillApi } from './propagation/api-filler.ts';
import { EXPORTS, NAMESPACE, plannedService } from './propagation/service-objects.ts';

/**
 * How long a provider takes to list a large cluster, and what it then holds: fills a real API server with services and
 * opens a provider over it in a process of its own.
 *
 *     node test/bench/kubernetes-listing.ts [--services 10000] [--endpoints 25]
 */

const NAMESPACES = resourceType('', 'v1', 'namespaces', false);

interface Target {
  readonly url: string;
  readonly token: string;
  readonly caPem: string;
}

interface Sizes {
  readonly services: number;
  readonly endpoints: number;
}

async function fill(client: KubeClient, { services, endpoints }: Sizes): Promise<void> {
  await defineKind(client, 'ServiceExport', EXPORTS);
  await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await fillApi(
    client,
    Array.from({ length: services }, (_, index) => plannedService(index, endpoints)),
  );
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

/** In the process of its own: what it says is the result. */
async function measure({ url, token, caPem }: Target): Promise<void> {
  const tls = { ca: caPem, cert: undefined, key: undefined, servername: undefined, rejectUnauthorized: true };
  const headers = { authorization: `Bearer ${token}` };
  const client = new KubeClient({
    server: new URL(url),
    namespace: NAMESPACE,
    current: () => Promise.resolve({ headers, tls, agent: undefined }),
    refused: () => undefined,
  });
  const ends: (() => void | Promise<void>)[] = [];
  const lastGoodFile = join(tempFolder({ after: (end) => ends.push(end) }), 'last-good.json');
  globalThis.gc?.();
  const before = process.memoryUsage();
  const cpuBefore = process.cpuUsage();
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  const startMs = performance.now();
  const home = { region: 'eu', zone: 'eu-a' };
  const provider = await KubernetesProvider.open({
    client,
    clock: SYSTEM_CLOCK,
    random: Math.random,
    home,
    lastGoodFile,
  });
  await provider.ready;
  const listedMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuBefore);
  const peak = process.memoryUsage.rss();
  globalThis.gc?.();
  const after = process.memoryUsage();
  const endpoints = [...provider.services.values()].reduce((sum, one) => sum + one.endpoints.length, 0);
  console.log(`services ${provider.services.size}, endpoints ${endpoints}`);
  console.log(
    `first listing ${Math.round(listedMs)} ms, CPU ${Math.round((cpu.user + cpu.system) / 1000)} ms`,
  );
  console.log(`longest turn of the event loop ${Math.round(delays.max / 1e6)} ms`);
  console.log(
    `RSS before ${megabytes(before.rss)} MiB, at the end ${megabytes(peak)} MiB, collected ${megabytes(after.rss)} MiB`,
  );
  console.log(
    `heap before ${megabytes(before.heapUsed)} MiB, collected ${megabytes(after.heapUsed)} of ${megabytes(after.heapTotal)} MiB`,
  );
  await provider.close();
  client.close();
  for (const end of ends) await end();
}

async function run(sizes: Sizes): Promise<void> {
  const ends: (() => void | Promise<void>)[] = [];
  const owner = { after: (end: () => void | Promise<void>) => ends.push(end) };
  try {
    const server = await KubeApiServer.start(owner);
    const startMs = performance.now();
    await fill(server.client(owner), sizes);
    console.log(`filled in ${Math.round((performance.now() - startMs) / 1000)} s`);
    const child: ChildProcess = fork(import.meta.filename, ['--measure'], { execArgv: ['--expose-gc'] });
    const target: Target = { url: server.url, token: server.token, caPem: server.caPem };
    child.send(target);
    await once(child, 'exit');
  } finally {
    for (const end of ends) await end();
  }
}

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '10000' },
    endpoints: { type: 'string', default: '25' },
    measure: { type: 'boolean', default: false },
  },
});
if (values.measure) {
  const [target] = await once(process, 'message');
  await measure(target as Target);
  process.disconnect?.();
} else {
  await run({ services: Number(values.services), endpoints: Number(values.endpoints) });
}
