import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../program.ts';
import { AUTHORITY, type Scenario } from '../scenario.ts';
import { grpcMessage } from './grpc-message.ts';
import { type Latency, type LoadResult, numberIn } from './load-result.ts';

/** Closed-loop load over HTTP/2. */
export class H2load {
  readonly #path: string;
  readonly #scenario: Scenario;
  readonly #body: readonly string[] = [];

  /** @param folder for the body that is sent */
  constructor(path: string, scenario: Scenario, folder: string) {
    this.#path = path;
    this.#scenario = scenario;
    if (scenario.bodyBytes === 0) return;
    this.#body = ['-d', join(folder, 'request-body')];
    writeFileSync(join(folder, 'request-body'), grpcMessage(scenario.bodyBytes));
  }

  async put(port: number, requests: number): Promise<LoadResult> {
    return parseH2load(await this.#run(port, requests, []));
  }

  /** The log of each request costs CPU: for a load that nothing else is measured with. */
  async latency(port: number, requests: number, log: string): Promise<Latency> {
    const { errors } = parseH2load(await this.#run(port, requests, ['--log-file', log]));
    return { ...parseRequestLog(readFileSync(log, 'utf8')), errors };
  }

  #run(port: number, requests: number, more: readonly string[]): Promise<string> {
    const { connections, streams, headers, path } = this.#scenario;
    const clients = Math.min(connections, requests);
    const load = ['-c', String(clients), '-m', String(streams), '-n', String(requests)];
    const fields = [[':authority', AUTHORITY] as const, ...headers];
    const args = fields.flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    return run(this.#path, [...load, ...args, ...this.#body, ...more, `http://127.0.0.1:${port}${path}`]);
  }
}

/** @throws when the output is not that of a finished run */
export function parseH2load(output: string): LoadResult {
  const count = (name: string): number => numberIn(output, new RegExp(`requests:.*?(\\d+) ${name}`));
  const total = count('total');
  const answered = numberIn(output, /status codes: (\d+) 2xx/);
  const succeeded = count('succeeded');
  return {
    requests: count('done'),
    rps: numberIn(output, /finished in .*?, ([\d.]+) req\/s/),
    errors: total - Math.min(answered, succeeded),
  };
}

/** h2load's log: start, status, duration in µs, by tabs. */
export function parseRequestLog(log: string): Pick<Latency, 'p50Ms' | 'p99Ms'> {
  const durations = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split('\t')[2]) / 1000)
    .sort((a, b) => a - b);
  const percentile = (share: number): number => durations[Math.floor(durations.length * share)] ?? 0;
  return { p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}
