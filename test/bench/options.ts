import { parseArgs } from 'node:util';
import { UserError } from '../../federation/model/user-error.ts';
import { SCENARIO_NAMES, SCENARIOS, type Scenario } from './scenario.ts';

const USAGE = `npm run bench -- --scenario NAME[,NAME…]|all [--json] [--pairs N] [--quick] [--envoy PATH] [--no-envoy]
  [--write-results] [--services N]
scenarios: ${SCENARIO_NAMES.join(' ')}`;
const FULL_PAIRS = 5;
const QUICK_PAIRS = 2;

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  readonly json: boolean;
  readonly pairs: number;
  readonly quick: boolean;
  /** Into results.json, results.md and its plots. */
  readonly writeResults: boolean;
  /** Of the scenario propagation; undefined = as many as it has. */
  readonly services: number | undefined;
  /** A path; or whether to install it. */
  readonly envoy: string | boolean;
}

/** @throws UserError */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): BenchOptions {
  const values = parse(args);
  const quick = values.quick === true;
  const scenarios = scenariosOf(values.scenario ?? '');
  const fewer = quick || values.services !== undefined;
  if (values['write-results'] === true && fewer && scenarios.some(({ kind }) => kind === 'propagation')) {
    throw wrong(
      '--write-results: the report of propagation is of all services, without --quick and --services',
    );
  }
  return {
    scenarios,
    json: values.json === true,
    pairs: pairsOf(values.pairs, quick),
    quick,
    writeResults: values['write-results'] === true,
    services: values.services === undefined ? undefined : servicesOf(values.services),
    envoy: values['no-envoy'] === true ? false : (values.envoy ?? env.ISTHMUS_BENCH_ENVOY ?? true),
  };
}

function scenariosOf(text: string): Scenario[] {
  if (text === 'all') return [...SCENARIOS];
  return text.split(',').map((name) => {
    const scenario = SCENARIOS.find((known) => known.name === name);
    if (scenario === undefined) throw wrong(`--scenario ${text}: there is no scenario '${name}'`);
    return scenario;
  });
}

function pairsOf(text: string | undefined, quick: boolean): number {
  const pairs = text === undefined ? (quick ? QUICK_PAIRS : FULL_PAIRS) : Number(text);
  if (!Number.isInteger(pairs) || pairs < 1) throw wrong(`--pairs ${text}: it is a number from 1 on`);
  return pairs;
}

function servicesOf(text: string): number {
  const services = Number(text);
  if (Number.isInteger(services) && services >= 4 && services <= 10_000) return services;
  throw wrong(`--services ${text}: it is a number from 4 to 10000`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        scenario: { type: 'string' },
        json: { type: 'boolean' },
        pairs: { type: 'string' },
        quick: { type: 'boolean' },
        envoy: { type: 'string' },
        'no-envoy': { type: 'boolean' },
        'write-results': { type: 'boolean' },
        services: { type: 'string' },
      },
    }).values;
  } catch (failure) {
    throw wrong(failure instanceof Error ? failure.message : String(failure));
  }
}

function wrong(message: string): UserError {
  return new UserError(message, { hint: USAGE, exitCode: 2 });
}
