import { type BenchResult, type EngineFigures, figureAt } from '../summary.ts';

/** What is needed and what is wanted of one figure. */
export interface Target {
  readonly scenario: string;
  readonly about: string;
  /** undefined when what it compares with was not measured. */
  readonly of: (result: BenchResult) => number | undefined;
  readonly needed: number;
  readonly goal: number;
  /** Whether less is better. */
  readonly less: boolean;
  readonly unit: '×' | 'MB' | 'KB' | '%' | 'ms' | 's' | 'changes';
}

export type Verdict = 'goal' | 'needed' | 'short' | 'not measured';

export interface Judged {
  readonly target: Target;
  readonly value: number | undefined;
  readonly verdict: Verdict;
}

type Peer = 'haproxy' | 'envoy';

function against(peer: Peer, figure: string): Target['of'] {
  return (result) => {
    const figures = result[peer];
    return figures === null ? undefined : figureAt(result.isthmus, figure) / figureAt(figures, figure);
  };
}

/** @param pick the better of both peers' figures */
function againstBetter(figure: string, pick: (...values: number[]) => number): Target['of'] {
  return (result) => {
    const peers = [result.haproxy, result.envoy].filter((one): one is EngineFigures => one !== null);
    if (peers.length === 0) return undefined;
    return figureAt(result.isthmus, figure) / pick(...peers.map((one) => figureAt(one, figure)));
  };
}

function own(figure: string, scale = 1): Target['of'] {
  return ({ isthmus }) => figureAt(isthmus, figure) * scale;
}

/** Of all rounds. */
function mostOf(figure: string, scale = 1): Target['of'] {
  return ({ isthmus }) => {
    const most = isthmus.ranges[figure]?.[1];
    return most === undefined ? undefined : most * scale;
  };
}

function cpu(
  scenario: string,
  haproxy: readonly [number, number],
  envoy: readonly [number, number],
): Target[] {
  const of = (peer: Peer, about: string, [needed, goal]: readonly [number, number]): Target => {
    return { scenario, about, of: against(peer, 'cpu'), needed, goal, less: true, unit: '×' };
  };
  return [of('haproxy', 'CPU, × HAProxy', haproxy), of('envoy', 'CPU, × Envoy', envoy)];
}

const MB = 1e-6;
const KB = 1e-3;
const THROUGHPUT = {
  about: 'throughput, × the better peer',
  of: againstBetter('rps', Math.max),
  needed: 0.8,
  goal: 1,
  less: false,
  unit: '×',
} as const;

/** One limit, which is the goal too. */
function limit(
  scenario: string,
  about: string,
  unit: Target['unit'],
  most: number,
  of: Target['of'],
): Target {
  return { scenario, about, of, needed: most, goal: most, less: true, unit };
}

export const TARGETS: readonly Target[] = [
  ...cpu('h2', [1.05, 0.9], [0.45, 0.4]),
  ...cpu('h2-64x1', [1.15, 1], [0.65, 0.55]),
  ...cpu('h1', [1.25, 1.1], [0.55, 0.5]),
  ...cpu('headers', [1.05, 0.9], [0.45, 0.4]),
  ...cpu('grpc', [1.05, 0.9], [0.45, 0.4]),
  {
    scenario: 'body-16k',
    about: 'CPU, × the better peer',
    of: againstBetter('cpu', Math.min),
    needed: 0.9,
    goal: 0.75,
    less: true,
    unit: '×',
  },
  { ...THROUGHPUT, scenario: 'body-1m' },
  { ...THROUGHPUT, scenario: 'body-100m' },
  ...(['full', 'resumed'] as const).map(
    (kind): Target => ({
      scenario: 'handshake',
      about: `CPU of a ${kind} handshake, × HAProxy`,
      of: against('haproxy', `handshake.${kind}.cpuMicros`),
      needed: 1.5,
      goal: 1.2,
      less: true,
      unit: '×',
    }),
  ),
  limit('idle', 'memory of a worker without load', 'MB', 120, own('idle.workerRssBytes', MB)),
  limit(
    'idle',
    'memory of an idle plaintext connection',
    'KB',
    10,
    own('idle.rssPerConnectionBytes.plaintext', KB),
  ),
  limit('idle', 'memory of an idle mTLS connection', 'KB', 80, own('idle.rssPerConnectionBytes.tls', KB)),
  limit('head-of-line', 'p99 beside others, × alone', '×', 2, own('headOfLine.ratio')),
  {
    scenario: 'distance',
    about: "share of the link's rate on one stream at 100 ms",
    of: own('distance.share', 100),
    needed: 80,
    goal: 80,
    less: false,
    unit: '%',
  },
  limit('propagation', 'first synchronization', 's', 30, own('propagation.initialSync.seconds')),
  limit('propagation', 'ready to routable in the peer, p50', 'ms', 150, own('p50Ms')),
  limit('propagation', 'ready to routable in the peer, p99', 'ms', 1000, own('p99Ms')),
  limit('propagation', 'not seen within 10 s, at most', 'changes', 0, mostOf('propagation.lost')),
  limit(
    'propagation',
    'memory of the federation service with 10,000 services, at most',
    'MB',
    1000,
    mostOf('propagation.rssPeakBytes.westFederation', MB),
  ),
];

/** Every target, with what was measured. */
export function judge(results: readonly BenchResult[]): Judged[] {
  return TARGETS.map((target) => {
    const result = results.find(({ scenario }) => scenario === target.scenario);
    const value = result && target.of(result);
    return { target, value, verdict: verdictOf(target, value) };
  });
}

function verdictOf({ needed, goal, less }: Target, value: number | undefined): Verdict {
  if (value === undefined) return 'not measured';
  const reaches = (mark: number): boolean => (less ? value <= mark : value >= mark);
  if (reaches(goal)) return 'goal';
  return reaches(needed) ? 'needed' : 'short';
}
