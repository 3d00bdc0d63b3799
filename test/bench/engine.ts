import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import type { Backend } from './backend.ts';
import type { Scenario } from './scenario.ts';
import type { Workspace } from './workspace.ts';

/** In the order in which they take turns. */
export const ENGINE_NAMES = ['isthmus', 'haproxy', 'envoy', 'nodeHttp2', 'http2Proxy'] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** Two gateways in a row, one thread or worker each: east takes the load, west has the backend. */
export interface EnginePair {
  /** Where the load goes. */
  readonly port: number;
  /** Where clients with a certificate come in. */
  readonly tlsPort: number;
  readonly eastPid: number;
  readonly westPid: number;
}

/** What an engine is started with. */
export interface EnginePlace {
  readonly lifetime: Lifetime;
  readonly workspace: Workspace;
  readonly scenario: Scenario;
  readonly backend: Backend;
  /** The port that east dials to reach west's `trunkPort`: the same, or that of a wire between them. */
  readonly link: (trunkPort: number) => Promise<number>;
}

export interface Engine {
  readonly name: EngineName;
  /** Why it cannot do a scenario; undefined = it can. */
  readonly cannot: (scenario: Scenario) => string | undefined;
  readonly start: (place: EnginePlace) => Promise<EnginePair>;
}

/** @throws when the process could not be started. */
export function pidOf(process: { readonly pid?: number | undefined }): number {
  if (process.pid === undefined) throw new Error('a gateway could not be started');
  return process.pid;
}
