import type { Engine } from './engine.ts';
import { envoy } from './engines/envoy.ts';
import { type FoundEnvoy, installedEnvoy } from './engines/envoy-wheel.ts';
import { haproxy } from './engines/haproxy.ts';
import { ISTHMUS } from './engines/isthmus.ts';
import { HTTP2_PROXY, NODE_HTTP2 } from './engines/node-gateways.ts';
import type { Scenario } from './scenario.ts';
import type { BenchResult, PeerName } from './summary.ts';

type Absent = Readonly<Partial<Record<PeerName, string>>>;

/** What takes turns in a scenario, and why a peer does not. */
export interface Field {
  readonly engines: readonly Engine[];
  readonly absent: BenchResult['absent'];
  readonly envoyPath: string | undefined;
}

/** All engines that this machine has. Says so when it has no Envoy. */
export async function findField(haproxyPath: string, wantedEnvoy: string | boolean): Promise<Field> {
  const found = await findEnvoy(wantedEnvoy);
  const present = [ISTHMUS, haproxy(haproxyPath)];
  if ('path' in found) present.push(envoy(found.path));
  else console.error(`without Envoy: ${found.missing}`);
  const absent = 'path' in found ? {} : { envoy: found.missing };
  const envoyPath = 'path' in found ? found.path : undefined;
  return { engines: [...present, NODE_HTTP2, HTTP2_PROXY], absent, envoyPath };
}

/** Those that can do it. */
export function fieldFor(scenario: Scenario, field: Field): Omit<Field, 'envoyPath'> {
  const reasons: [string, string][] = [];
  const engines = field.engines.filter((engine) => {
    const reason = engine.cannot(scenario);
    if (reason !== undefined) reasons.push([engine.name, reason]);
    return reason === undefined;
  });
  return { engines, absent: { ...field.absent, ...(Object.fromEntries(reasons) as Absent) } };
}

async function findEnvoy(wanted: string | boolean): Promise<FoundEnvoy> {
  if (typeof wanted === 'string') return { path: wanted };
  return wanted ? installedEnvoy() : { missing: 'not asked for (--no-envoy)' };
}
