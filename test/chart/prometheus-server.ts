import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { z } from 'zod';
import { freePort } from '../fixtures/ephemeral-port.ts';

const HOST = '127.0.0.1';
const POLL_MS = 100;
const SCRAPE_MS = 1000;
/** That one program may miss in a row. */
const MAX_LATE_SCRAPES = 10;

const answer = z.looseObject({
  status: z.string(),
  error: z.string().optional(),
  data: z
    .looseObject({ result: z.array(z.looseObject({ metric: z.record(z.string(), z.string()).optional() })) })
    .optional(),
});

export interface ScrapeJob {
  readonly name: string;
  /** Ports on loopback. */
  readonly ports: readonly number[];
}

/** A real Prometheus that asks every second; ended after the test. */
export class PrometheusServer {
  readonly #child: ChildProcess;
  readonly #port: number;
  #log = '';

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.#port = port;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString('utf8');
    });
  }

  static async start(
    owner: { after(end: () => Promise<void>): void },
    options: {
      readonly program: string;
      readonly folder: string;
      readonly jobs: readonly ScrapeJob[];
      readonly rules: string;
    },
  ): Promise<PrometheusServer> {
    const { program, folder, jobs, rules } = options;
    const port = await freePort();
    mkdirSync(folder, { recursive: true });
    const config = join(folder, 'prometheus.yaml');
    const scrapes = jobs.map(({ name, ports }) => ({
      job_name: name,
      static_configs: [
        { targets: ports.map((each) => `${HOST}:${each}`), labels: { namespace: `${name}-system` } },
      ],
    }));
    const text = {
      global: { scrape_interval: `${SCRAPE_MS}ms`, evaluation_interval: `${SCRAPE_MS}ms` },
      rule_files: [rules],
      scrape_configs: scrapes,
    };
    writeFileSync(config, stringify(text));
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${HOST}:${port}`,
    ];
    const server = new PrometheusServer(spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] }), port);
    owner.after(() => server.#end());
    await server.#ready();
    return server;
  }

  /** How many series the expression has now. @throws what Prometheus says of a wrong one. */
  async count(expression: string): Promise<number> {
    const query = new URLSearchParams({ query: expression });
    const response = await fetch(`http://${HOST}:${this.#port}/api/v1/query?${query}`);
    const { status, error, data } = answer.parse(await response.json());
    if (status !== 'success' || data === undefined) throw new Error(`${expression}: ${error ?? status}`);
    return data.result.length;
  }

  /**
   * Waits until the expression has a series. One whose program did not answer a scrape in its second is without any until the
   * next; the test runner's own limit ends a wait for what does not come.
   */
  async until(expression: string): Promise<void> {
    while ((await this.count(expression)) === 0) await sleep(POLL_MS);
  }

  /** The same for an expression that finds what is absent: while it has series, a few more scrapes are looked at. */
  async countAbsent(expression: string): Promise<number> {
    for (let late = 0; ; late++) {
      const count = await this.count(expression);
      if (count === 0 || late === MAX_LATE_SCRAPES) return count;
      await sleep(SCRAPE_MS);
    }
  }

  async #ready(): Promise<void> {
    for (;;) {
      if (this.#child.exitCode !== null) throw new Error(`prometheus ended:\n${this.#log}`);
      const response = await fetch(`http://${HOST}:${this.#port}/-/ready`).catch(() => undefined);
      if (response?.ok === true) return;
      await sleep(POLL_MS);
    }
  }

  async #end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
