import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import type { Backend } from './backend.ts';
import type { Scenario } from './scenario.ts';
import type { Workspace } from './workspace.ts';

export type EngineName = 'isthmus' | 'haproxy' | 'envoy';

/** Two gateways in a row, one thread or worker each: east takes the load, west has the backend. */
export interface EnginePair {
  /** Where the load goes. */
  readonly port: number;
  readonly eastPid: number;
  readonly westPid: number;
}

/** What an engine is started with. */
export interface EnginePlace {
  readonly lifetime: Lifetime;
  readonly workspace: Workspace;
  readonly scenario: Scenario;
  readonly backend: Backend;
}

export interface Engine {
  readonly name: EngineName;
  readonly start: (place: EnginePlace) => Promise<EnginePair>;
}

/** @throws when the process could not be started. */
export function pidOf(process: { readonly pid?: number | undefined }): number {
  if (process.pid === undefined) throw new Error('a gateway could not be started');
  return process.pid;
}
