import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './program.ts';
import { AUTHORITY, type ScenarioName } from './scenario.ts';

/** How much load one measurement is. */
export interface LoadSize {
  /** h2load counts requests. */
  readonly requests: number;
  /** wrk counts seconds. */
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly rps: number;
  /** Requests that were not answered with 2xx, and broken connections. */
  readonly errors: number;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

/** Paths of the load generators. */
export interface LoadTools {
  readonly h2load: string;
  readonly wrk: string;
}

/** Load on one engine: HTTP/2 with 8 connections × 32 streams, or HTTP/1.1 with 64 connections. */
export class Load {
  readonly #tools: LoadTools;
  readonly #scenario: ScenarioName;
  readonly #folder: string;

  constructor(tools: LoadTools, scenario: ScenarioName, folder: string) {
    this.#tools = tools;
    this.#scenario = scenario;
    this.#folder = folder;
  }

  async put(port: number, size: LoadSize): Promise<LoadResult> {
    return this.#scenario === 'h2'
      ? parseH2load(await this.#h2load(port, size.requests, []))
      : parseWrk(await this.#wrk(port, size.seconds));
  }

  /** A smaller load of its own: h2load's log of each request would take CPU from those that are measured. */
  async latency(port: number, size: LoadSize): Promise<Latency> {
    if (this.#scenario === 'h1') return parseWrkLatency(await this.#wrk(port, size.seconds / 4));
    const log = join(this.#folder, `h2load-${port}.log`);
    const output = await this.#h2load(port, Math.ceil(size.requests / 4), ['--log-file', log]);
    return { ...parseRequestLog(readFileSync(log, 'utf8')), errors: parseH2load(output).errors };
  }

  #h2load(port: number, requests: number, more: readonly string[]): Promise<string> {
    const authority = ['-H', `:authority: ${AUTHORITY}`];
    const args = ['-c', '8', '-m', '32', '-n', String(requests), ...authority, ...more];
    return run(this.#tools.h2load, [...args, `http://127.0.0.1:${port}/`]);
  }

  #wrk(port: number, seconds: number): Promise<string> {
    const args = ['-c', '64', '-t', '1', '-d', `${Math.max(1, Math.round(seconds))}s`, '--latency'];
    return run(this.#tools.wrk, [...args, '-H', `Host: ${AUTHORITY}`, `http://127.0.0.1:${port}/`]);
  }
}

export function parseH2load(output: string): LoadResult {
  const count = (name: string): number => numberIn(output, new RegExp(`requests:.*?(\\d+) ${name}`));
  const total = count('total');
  const answered = numberIn(output, /status codes: (\d+) 2xx/);
  return {
    requests: count('done'),
    rps: numberIn(output, /finished in .*?, ([\d.]+) req\/s/),
    errors: total - answered,
  };
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

function wrkErrors(output: string): number {
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(output);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const broken = (sockets?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), 0);
  return Number(bad?.[1] ?? 0) + broken;
}

function numberIn(output: string, pattern: RegExp): number {
  const match = pattern.exec(output);
  if (match === null) throw new Error(`the load generator said something unknown:\n${output}`);
  return Number(match[1]);
}
