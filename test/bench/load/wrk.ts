import { run } from '../program.ts';
import { AUTHORITY, type Scenario } from '../scenario.ts';
import { type Latency, type LoadResult, numberIn } from './load-result.ts';

/** Closed-loop load over HTTP/1.1: h2load counts some servers' HTTP/1.1 answers as failed. */
export class Wrk {
  readonly #path: string;
  readonly #scenario: Scenario;

  constructor(path: string, scenario: Scenario) {
    this.#path = path;
    this.#scenario = scenario;
  }

  async put(port: number, seconds: number): Promise<LoadResult & Latency> {
    const { connections, path } = this.#scenario;
    const duration = `${Math.max(1, Math.round(seconds))}s`;
    const args = ['-c', String(connections), '-t', '1', '-d', duration, '--latency'];
    const url = `http://127.0.0.1:${port}${path}`;
    const output = await run(this.#path, [...args, '-H', `Host: ${AUTHORITY}`, url]);
    return { ...parseWrk(output), ...parseWrkLatency(output) };
  }
}

export function parseWrk(output: string): LoadResult {
  return {
    requests: numberIn(output, /(\d+) requests in/),
    rps: numberIn(output, /Requests\/sec:\s+([\d.]+)/),
    errors: wrkErrors(output),
  };
}

export function parseWrkLatency(output: string): Latency {
  const percentile = (name: string): number => {
    const match = new RegExp(`${name}%\\s+([\\d.]+)(us|ms|s)`).exec(output);
    if (match === null) throw new Error(`wrk tells no ${name}th percentile:\n${output}`);
    const unit = { us: 0.001, ms: 1, s: 1000 }[match[2] as 'us' | 'ms' | 's'];
    return Number(match[1]) * unit;
  };
  return { p50Ms: percentile('50'), p99Ms: percentile('99'), errors: wrkErrors(output) };
}

function wrkErrors(output: string): number {
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(output);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const broken = (sockets?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), 0);
  return Number(bad?.[1] ?? 0) + broken;
}
