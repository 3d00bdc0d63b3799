import { UserError } from '../../federation/model/user-error.ts';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { startBackend } from './backend.ts';
import type { EngineName } from './engine.ts';
import { type EngineRun, startEngine } from './engine-run.ts';
import { type Field, fieldFor, findField } from './field.ts';
import { measureOf } from './measures.ts';
import { type BenchOptions, readOptions } from './options.ts';
import { PropagationBench } from './propagation/propagation-bench.ts';
import { checkPropagationTools, propagationSizes } from './propagation/propagation-place.ts';
import { describeControlPlane, describeMachine, type Machine } from './results/machine.ts';
import { writeReport } from './results/report.ts';
import type { Scenario } from './scenario.ts';
import { type BenchResult, type EngineFigures, type Measurement, PEERS, summarise } from './summary.ts';
import { findTools, type Tools } from './tools.ts';
import { Workspace } from './workspace.ts';

const FULL_SECONDS = 2;
const QUICK_SECONDS = 1;
/** They are so far behind that one round tells it. */
const ONCE_WHEN_QUICK: readonly EngineName[] = ['nodeHttp2', 'http2Proxy'];

async function bench(
  scenario: Scenario,
  field: Field,
  options: BenchOptions,
  tools: Tools,
  lifetime: Lifetime,
): Promise<BenchResult> {
  const workspace = await Workspace.create(lifetime);
  const backend = await startBackend({ lifetime, workspace, nginx: tools.nginx, scenario });
  const { engines, absent } = fieldFor(scenario, field);
  const runs: EngineRun[] = [];
  for (const engine of engines)
    runs.push(await startEngine(engine, { lifetime, workspace, scenario, backend }));
  const { quick } = options;
  const seconds = quick ? QUICK_SECONDS : FULL_SECONDS;
  const measure = measureOf({ scenario, tools, workspace, seconds, quick });
  for (const run of runs) await measure.warm(run);
  const rounds = new Map<EngineName, Measurement[]>(runs.map(({ name }) => [name, []]));
  for (let round = 1; round <= options.pairs; round++) {
    for (const run of runs) {
      if (quick && round > 1 && ONCE_WHEN_QUICK.includes(run.name)) continue;
      const measured = await measure.measure(run);
      rounds.get(run.name)?.push(measured);
      console.error(`${scenario.name} ${round}/${options.pairs} ${lineOf(run.name, measured)}`);
    }
  }
  return summarise(scenario, rounds, absent);
}

function lineOf(name: string, figures: Omit<Measurement, 'errors'> | EngineFigures): string {
  const { east, west, rps, p50Ms, p99Ms } = figures;
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
  for (const name of ['isthmus', ...PEERS] as const) {
    const figures = result[name];
    if (figures !== null) console.log(lineOf(name, figures));
  }
  const ratios = PEERS.flatMap((peer) => {
    const ratio = result.ratio[peer];
    return ratio === null ? [] : [`${ratio} × ${peer}`];
  });
  console.log(`${result.ratioOf}: ${ratios.join(', ')}; errors: ${result.errors}`);
}

/** All that one scenario started has ended when the next one begins. */
async function alone<T>(work: (lifetime: Lifetime) => Promise<T>): Promise<T> {
  const lifetime = new Lifetime();
  const interrupted = (): void => {
    lifetime.close().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await work(lifetime);
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await lifetime.close();
  }
}

/** What measures this scenario in the same way. */
function commandOf({ name }: Scenario, { quick, pairs }: BenchOptions): string {
  return `npm run bench -- --scenario ${name} --pairs ${pairs}${quick ? ' --quick' : ''}`;
}

/** What measures a scenario, and on what; the engines are looked for only where one takes part. */
interface Way {
  readonly machine: Machine;
  readonly run: (scenario: Scenario, lifetime: Lifetime) => Promise<BenchResult>;
}

async function engineWay(options: BenchOptions): Promise<Way> {
  const tools = findTools();
  const field = await findField(tools.haproxy, options.envoy);
  const machine = await describeMachine(tools, field.envoyPath);
  return { machine, run: (scenario, lifetime) => bench(scenario, field, options, tools, lifetime) };
}

async function propagationWay(options: BenchOptions): Promise<Way> {
  checkPropagationTools();
  const machine = await describeControlPlane();
  return { machine, run: (scenario, lifetime) => benchPropagation(scenario, options, lifetime) };
}

/** The peers have no control plane that would read a cluster and tell another of it. */
async function benchPropagation(
  scenario: Scenario,
  { quick, pairs, services }: BenchOptions,
  lifetime: Lifetime,
): Promise<BenchResult> {
  const { folder } = await Workspace.create(lifetime);
  const bench = await PropagationBench.start(lifetime, folder, propagationSizes(quick, services));
  await bench.warm();
  const rounds: Measurement[] = [];
  for (let round = 1; round <= pairs; round++) {
    const measured = await bench.measure();
    rounds.push(measured);
    console.error(`${scenario.name} ${round}/${pairs} ${lineOf('isthmus', measured)}`);
  }
  const absent = Object.fromEntries(PEERS.map((peer) => [peer, 'a gateway alone: it has no control plane']));
  return summarise(scenario, new Map([['isthmus', rounds]]), absent);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  const ofControlPlanes = options.scenarios.some(({ kind }) => kind === 'propagation');
  const ofEngines = options.scenarios.some(({ kind }) => kind !== 'propagation');
  // What is missing is told before anything is measured.
  const propagation = ofControlPlanes ? await propagationWay(options) : undefined;
  const engines = ofEngines ? await engineWay(options) : undefined;
  let errors = 0;
  for (const scenario of options.scenarios) {
    const way = scenario.kind === 'propagation' ? propagation : engines;
    if (way === undefined) continue;
    const { machine } = way;
    const result = await alone((lifetime) => way.run(scenario, lifetime));
    print(result, options.json);
    errors += result.errors;
    const date = new Date().toISOString().slice(0, 10);
    const fresh = { result, date, command: commandOf(scenario, options), machine };
    if (options.writeResults && tellsSomething(result)) writeReport([fresh]);
  }
  if (errors > 0) throw failed(errors, ofEngines);
}

/**
 * Requests that fail cost something else than those that are answered. Changes that were all written but were not all seen in
 * time are a shortfall, and that is a result: the report says how many.
 */
function tellsSomething({ scenario, isthmus, errors }: BenchResult): boolean {
  return (
    errors === 0 || (scenario === 'propagation' && isthmus.ranges['propagation.failedWrites']?.[1] === 0)
  );
}

function failed(errors: number, ofEngines: boolean): UserError {
  if (!ofEngines) {
    return new UserError(`${errors} changes could not be written, or were not seen within 10 s`, {
      hint: 'see propagation.failedWrites, propagation.lost and propagation.busyCores: is it more than the machine can do?',
    });
  }
  return new UserError(`${errors} requests failed: the figures mean nothing`, {
    hint: 'look at the gateways alone, with h2load or wrk, until nothing fails',
  });
}

try {
  await main();
} catch (failure) {
  if (!(failure instanceof UserError)) throw failure;
  console.error(`error: ${failure.message}`);
  if (failure.hint !== undefined) console.error(`hint: ${failure.hint}`);
  process.exitCode = failure.exitCode;
}
