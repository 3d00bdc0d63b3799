import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { workloadId } from '../../federation/model/identity.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { workersOf } from '../fixtures/gateway-pair.ts';
import { GatewayProcess, gatewayPorts, writeGatewayFolder } from '../fixtures/gateway-process.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { TestClusterset } from '../fixtures/test-clusterset.ts';
import type { Victim } from './attack.ts';

type Cleanup = { after(stop: () => void | Promise<void>): void };

/** In the field attackers and the pods that they call have processors of their own: here they are last to get one. */
export const LEAST_PRIORITY = 19;

/** `isthmus gateway run` with one worker and one pod, to be attacked. */
export class AttackedGateway {
  readonly victim: Victim;
  readonly #gateway: GatewayProcess;
  readonly #worker: number;

  private constructor(gateway: GatewayProcess, worker: number, victim: Victim) {
    this.#gateway = gateway;
    this.#worker = worker;
    this.victim = victim;
  }

  /** `limits` as in gateway.yaml. */
  static async start(t: Cleanup, limits: Readonly<Record<string, unknown>>): Promise<AttackedGateway> {
    const clusterset = await TestClusterset.create(['east']);
    const client = await clusterset.svid('east', workloadId('east.mesh.example', 'shop', 'client'));
    const ports = await gatewayPorts();
    const [tcpPort, tlsPassthroughPort] = [await freePort(), await freePort()];
    const endpoints = [await startPod(t, 'tcp-pod.ts', LEAST_PRIORITY)];
    const attacked = await startPod(t, 'pod.ts', LEAST_PRIORITY);
    const others = await startPod(t, 'pod.ts', 0);
    const services = [
      { name: 'payments', protocol: 'http', endpoints: [attacked], offeredBy: [] },
      { name: 'orders', protocol: 'http', endpoints: [others], offeredBy: [] },
      { name: 'database', protocol: 'tcp', listenPort: tcpPort, endpoints, offeredBy: [] },
      { name: 'secure', protocol: 'tcp', appProtocol: 'tls', endpoints, offeredBy: [] },
    ] as const;
    const listeners = {
      http: { host: '127.0.0.1', port: ports.http },
      services: { host: '127.0.0.1' },
      tlsPassthrough: { host: '127.0.0.1', port: tlsPassthroughPort },
    };
    const settings = { limits, listeners, accessLog: { sample: 0 } };
    const plan = { cluster: 'east', ports, services, peers: {}, workers: 1, settings };
    const configFile = await writeGatewayFolder(join(tempFolder(t), 'east'), clusterset, plan);
    const gateway = GatewayProcess.start(t, configFile, ports.admin);
    await gateway.ready();
    const [worker] = await workersOf(gateway);
    if (worker === undefined) throw new Error('the gateway has no worker');
    const { certificateChainPem, privateKeyPem } = client;
    const rootPem = clusterset.root.certificatePem;
    const authority = 'payments.shop.svc.clusterset.local';
    return new AttackedGateway(gateway, worker, {
      port: ports.http,
      tcpPort,
      tlsPassthroughPort,
      tlsServerName: 'secure.shop.svc.clusterset.local',
      authority,
      othersAuthority: 'orders.shop.svc.clusterset.local',
      certificateChainPem,
      privateKeyPem,
      rootPem,
    });
  }

  /** Resident bytes of the worker, as the kernel counts them (Linux). */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#worker}/status`, 'latin1');
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  }

  /** Whether the worker that the attack began with still serves. */
  async alive(): Promise<boolean> {
    return (await workersOf(this.#gateway)).includes(this.#worker);
  }

  /** What was rejected so far, by reason. */
  async rejected(): Promise<ReadonlyMap<string, number>> {
    const text = (await this.#gateway.admin('/metrics')).body;
    const samples = text.matchAll(/^isthmus_rejected_total\{reason="([^"]+)"\} (\d+)$/gm);
    return new Map([...samples].map(([, reason, count]) => [reason ?? '', Number(count)]));
  }

  /** NaN while there is no such sample. */
  async heldBytes(): Promise<number> {
    const text = (await this.#gateway.admin('/metrics')).body;
    return Number(/^isthmus_held_bytes (-?\d+)$/m.exec(text)?.[1] ?? Number.NaN);
  }

  /** How long the worker's thread could have run and had no processor, in all (Linux, Documentation/scheduler/sched-stats). */
  waitedForProcessorMs(): number {
    const [, waitedNs] = readFileSync(`/proc/${this.#worker}/schedstat`, 'latin1').split(' ');
    return Number(waitedNs) / 1e6;
  }

  /** Resolves when nothing is held any more; false when something still is, or is counted wrongly, after `withinMs`. */
  async emptied(withinMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    const endMs = performance.now() + withinMs;
    while ((await this.heldBytes()) !== 0) {
      if (performance.now() > endMs) return false;
      await sleep(50);
    }
    return true;
  }
}

async function startPod(t: Cleanup, file: string, priority: number): Promise<number> {
  const pod = fork(join(import.meta.dirname, file), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  t.after(() => {
    pod.kill('SIGKILL');
  });
  setPriority(pod.pid ?? 0, priority);
  const [port] = (await once(pod, 'message')) as [number];
  return port;
}
