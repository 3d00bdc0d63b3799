import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Victim } from './attack.ts';

const CONNECTIONS = 4;
const PAUSE_MS = 5;

export interface Experience {
  readonly requests: number;
  readonly failed: number;
  readonly p99Ms: number;
}

/** What others see: a few clients that ask, read and pause, on connections that they keep. */
export async function experience(victim: Victim, seconds: number): Promise<Experience> {
  const endMs = performance.now() + seconds * 1000;
  const durationsMs: number[] = [];
  let failed = 0;
  const client = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (performance.now() < endMs) {
      const startMs = performance.now();
      if (await served(agent, victim)) durationsMs.push(performance.now() - startMs);
      else failed++;
      await sleep(PAUSE_MS);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  durationsMs.sort((a, b) => a - b);
  const p99Ms = durationsMs[Math.floor(0.99 * durationsMs.length)] ?? Number.POSITIVE_INFINITY;
  return { requests: durationsMs.length + failed, failed, p99Ms };
}

function served(agent: Agent, { port, othersAuthority }: Victim): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { agent, host: '127.0.0.1', port, headers: { host: othersAuthority } },
      (response) => {
        response.on('error', () => resolve(false));
        response.on('end', () => resolve(response.statusCode === 200));
        response.resume();
      },
    );
    asked.setTimeout(10_000, () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
