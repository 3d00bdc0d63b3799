import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { DelayRelay } from './delay-relay.ts';
import type { Engine, EngineName, EnginePair, EnginePlace } from './engine.ts';

/** A pair of gateways that runs for a scenario, and what a measure may need beside it. */
export interface EngineRun {
  readonly name: EngineName;
  readonly pair: EnginePair;
  /** Between the gateways, where the scenario has distance. */
  readonly relay: DelayRelay | undefined;
  /** Work with a pair that nothing was done with before, and that ends after it. */
  readonly afresh: <T>(work: (pair: EnginePair) => Promise<T>) => Promise<T>;
}

export async function startEngine(engine: Engine, place: Omit<EnginePlace, 'link'>): Promise<EngineRun> {
  const { lifetime, scenario } = place;
  let relay: DelayRelay | undefined;
  const link = async (trunkPort: number): Promise<number> => {
    if (scenario.kind !== 'distance') return trunkPort;
    relay = await DelayRelay.start(lifetime, trunkPort);
    return relay.port;
  };
  const pair = await engine.start({ ...place, link });
  return { name: engine.name, pair, relay, afresh: (work) => afresh(engine, place, work) };
}

async function afresh<T>(
  engine: Engine,
  place: Omit<EnginePlace, 'link'>,
  work: (pair: EnginePair) => Promise<T>,
): Promise<T> {
  const lifetime = new Lifetime();
  // Only closes what a failure or an interruption leaves.
  place.lifetime.add(() => lifetime.close());
  try {
    return await work(await engine.start({ ...place, lifetime, link: (port) => Promise.resolve(port) }));
  } finally {
    await lifetime.close();
  }
}
