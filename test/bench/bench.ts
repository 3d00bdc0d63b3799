import { parseArgs } from 'node:util';
import { UserError } from '../../federation/model/user-error.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { findTool } from '../fixtures/requirement.ts';
import { cpuMicros } from './cpu.ts';
import { type EngineName, type EnginePair, startEnvoy, startHaproxy, startIsthmus } from './engines.ts';
import { Load, type LoadSize } from './load.ts';
import { startServer } from './program.ts';
import { type Backend, SCENARIO_NAMES, type ScenarioName } from './scenario.ts';
import { type BenchResult, type EngineFigures, type Measurement, summarise } from './summary.ts';
import { Workspace } from './workspace.ts';

const USAGE = 'npm run bench -- --scenario h2|h1 [--json] [--pairs N] [--quick] [--envoy PATH]';
const FULL: LoadSize = { requests: 300_000, seconds: 8 };
const QUICK: LoadSize = { requests: 20_000, seconds: 1 };
const LEAST_PAIRS = 5;
const BODY = '0123456789abcdef'.repeat(8);

interface BenchOptions {
  readonly scenario: ScenarioName;
  readonly json: boolean;
  readonly pairs: number;
  readonly size: LoadSize;
  readonly envoy: string | undefined;
}

interface Tools {
  readonly haproxy: string;
  readonly nginx: string;
  readonly h2load: string;
  readonly wrk: string;
}

const PACKAGES = { haproxy: 'haproxy', nginx: 'nginx-light', h2load: 'nghttp2-client', wrk: 'wrk' } as const;

function readOptions(args: readonly string[]): BenchOptions {
  const wrong = (message: string): UserError => new UserError(message, { hint: USAGE, exitCode: 2 });
  const { values } = parse(args, wrong);
  const scenario = SCENARIO_NAMES.find((name) => name === values.scenario);
  if (scenario === undefined) throw wrong(`--scenario ${values.scenario ?? ''}: it is h2 or h1`);
  const quick = values.quick === true;
  const pairs = values.pairs === undefined ? (quick ? 2 : LEAST_PAIRS) : Number(values.pairs);
  if (!Number.isInteger(pairs) || pairs < 1) throw wrong(`--pairs ${values.pairs}: it is a number from 1 on`);
  const envoy = values.envoy ?? process.env.ISTHMUS_BENCH_ENVOY;
  return { scenario, json: values.json === true, pairs, size: quick ? QUICK : FULL, envoy };
}

function parse(args: readonly string[], wrong: (message: string) => UserError) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        scenario: { type: 'string' },
        json: { type: 'boolean' },
        pairs: { type: 'string' },
        quick: { type: 'boolean' },
        envoy: { type: 'string' },
      },
    });
  } catch (failure) {
    throw wrong(failure instanceof Error ? failure.message : String(failure));
  }
}

function findTools(): Tools {
  const found = Object.entries(PACKAGES).map(([name, debian]) => ({ name, debian, path: findTool(name) }));
  const missing = found.filter(({ path }) => path === undefined);
  if (missing.length > 0) {
    throw new UserError(`missing: ${missing.map(({ name }) => name).join(', ')}`, {
      hint: `install them (Debian: apt-get install ${missing.map(({ debian }) => debian).join(' ')})`,
    });
  }
  const path = (name: keyof Tools): string => found.find((tool) => tool.name === name)?.path ?? '';
  return { haproxy: path('haproxy'), nginx: path('nginx'), h2load: path('h2load'), wrk: path('wrk') };
}

async function startBackend(lifetime: Lifetime, workspace: Workspace, nginx: string): Promise<Backend> {
  const backend = { http1Port: await freePort(), http2Port: await freePort() };
  const values = { HTTP1_PORT: backend.http1Port, HTTP2_PORT: backend.http2Port, BODY };
  const config = workspace.fill('nginx.conf', values);
  await startServer(lifetime, nginx, ['-c', config], backend.http1Port);
  return backend;
}

/** CPU of both gateways over a counted number of requests, then the latency under a load of its own. */
async function measure(load: Load, engine: EnginePair, size: LoadSize): Promise<Measurement> {
  await load.put(engine.port, { requests: size.requests / 10, seconds: size.seconds / 8 });
  const eastBefore = cpuMicros(engine.eastPid);
  const westBefore = cpuMicros(engine.westPid);
  const { requests, rps, errors } = await load.put(engine.port, size);
  const east = (cpuMicros(engine.eastPid) - eastBefore) / requests;
  const west = (cpuMicros(engine.westPid) - westBefore) / requests;
  const latency = await load.latency(engine.port, size);
  const { p50Ms, p99Ms } = latency;
  return { east, west, rps, p50Ms, p99Ms, errors: errors + latency.errors };
}

async function bench(options: BenchOptions, lifetime: Lifetime): Promise<BenchResult> {
  const { scenario } = options;
  const tools = findTools();
  const workspace = await Workspace.create(lifetime);
  const backend = await startBackend(lifetime, workspace, tools.nginx);
  const place = { lifetime, workspace, scenario, backend };
  const engines = [await startIsthmus(place), await startHaproxy(place, tools.haproxy)];
  if (options.envoy !== undefined) engines.push(await startEnvoy(place, options.envoy));
  const load = new Load(tools, scenario, workspace.folder);
  const rounds = new Map<EngineName, Measurement[]>(engines.map(({ name }) => [name, []]));
  // Compilers and caches are warm before anything counts.
  for (const engine of engines) await load.put(engine.port, options.size);
  for (let pair = 1; pair <= options.pairs; pair++) {
    for (const engine of engines) {
      const measured = await measure(load, engine, options.size);
      rounds.get(engine.name)?.push(measured);
      console.error(`${pair}/${options.pairs} ${lineOf(engine.name, measured)}`);
    }
  }
  return summarise(scenario, rounds);
}

function lineOf(name: string, { east, west, rps, p50Ms, p99Ms }: EngineFigures): string {
  const cpu = `${east.toFixed(1)} + ${west.toFixed(1)} µs`;
  return `${name}: ${cpu}, ${Math.round(rps)} requests/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
}

function print(result: BenchResult, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(result));
    return;
  }
  console.log(
    `${result.scenario}, medians of ${result.pairs} interleaved rounds, CPU per request east + west`,
  );
  for (const name of ['isthmus', 'haproxy', 'envoy'] as const) {
    const figures = result[name];
    if (figures !== null) console.log(lineOf(name, figures));
  }
  const envoy = result.ratio.envoy === null ? '' : `, ${result.ratio.envoy} × Envoy`;
  console.log(`CPU: ${result.ratio.haproxy} × HAProxy${envoy}; errors: ${result.errors}`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const lifetime = new Lifetime();
  const interrupted = (): void => {
    lifetime.close().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    const result = await bench(options, lifetime);
    print(result, options.json);
    if (result.errors > 0) {
      throw new UserError(`${result.errors} requests failed: the figures mean nothing`, {
        hint: 'look at the gateways alone, with h2load or wrk, until nothing fails',
      });
    }
  } finally {
    await lifetime.close();
  }
}

try {
  await main();
} catch (failure) {
  if (!(failure instanceof UserError)) throw failure;
  console.error(`error: ${failure.message}`);
  if (failure.hint !== undefined) console.error(`hint: ${failure.hint}`);
  process.exitCode = failure.exitCode;
}
