import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg, release } from 'node:os';
import { kubeApiServerPath } from '../../fixtures/kube-api-server.ts';
import { findTool } from '../../fixtures/requirement.ts';
import { run } from '../program.ts';
import type { Tools } from '../tools.ts';

/** On what the figures were measured. */
export interface Hardware {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  /** Processes that wanted a CPU, over the last minute before the run: more than 0 is other work. null = not recorded. */
  readonly loadAverage: number | null;
}

export interface Machine extends Hardware {
  readonly versions: Readonly<Record<string, string>>;
}

export function describeHardware(): Hardware {
  return {
    cpu: /^model name\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    loadAverage: loadavg()[0] ?? 0,
  };
}

export async function describeMachine(tools: Tools, envoyPath: string | undefined): Promise<Machine> {
  const versions: Record<string, string> = { Node: process.version, OpenSSL: process.versions.openssl ?? '' };
  const programs = [
    ['HAProxy', tools.haproxy, '-v', /HAProxy version (\S+)/],
    ['nginx', tools.nginx, '-v', /nginx\/(\S+)/],
    ['h2load', tools.h2load, '--version', /nghttp2\/(\S+)/],
    ['wrk', tools.wrk, '-v', /wrk (\S+)/],
    ['Envoy', envoyPath, '--version', /\/(\d+\.\d+\.\d+)\//],
  ] as const;
  for (const [name, path, flag, pattern] of programs) {
    if (path === undefined) continue;
    versions[name] = pattern.exec(await spoken(path, flag))?.[1] ?? 'unknown';
  }
  versions['http2-proxy'] = packageVersion('http2-proxy');
  return { ...describeHardware(), versions };
}

/** Of scenarios in which no engine takes part. */
export async function describeControlPlane(): Promise<Machine> {
  const redis = findTool('redis-server');
  const redisVersion =
    redis === undefined ? undefined : /v=(\S+)/.exec(await spoken(redis, '--version'))?.[1];
  const kubernetes = /v(\d\S*)/.exec(await spoken(kubeApiServerPath(), '--version'))?.[1];
  const versions = {
    Node: process.version,
    OpenSSL: process.versions.openssl ?? '',
    Redis: redisVersion ?? 'unknown',
    Kubernetes: kubernetes ?? 'unknown',
  };
  return { ...describeHardware(), versions };
}

/** Some say their version on stderr, or with an exit code. */
async function spoken(path: string, flag: string): Promise<string> {
  const shell = findTool('sh') ?? '/bin/sh';
  return run(shell, ['-c', '"$0" "$1" 2>&1 || true', path, flag]);
}

function packageVersion(name: string): string {
  const manifest = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
