import { AUTHORITY, type Scenario } from '../scenario.ts';
import type { GeneratorSpec } from './generator.ts';

const WARM_MS = 300;
/** No gateway takes fewer at once on one HTTP/2 connection. */
const MOST_STREAMS = 100;
/**
 * On all connections together. What waits longer waits in the generator, which counts it just the same. Of 6400 HAProxy
 * does not recover: each then costs it five times the CPU, and a pause of 0.1 s becomes one of 5 s.
 */
const MOST_AT_ONCE = 1024;

/** Load of a scenario at `rate` requests per second, whatever comes of them. */
export function openLoop(scenario: Scenario, port: number, rate: number, seconds: number): GeneratorSpec {
  const { kind, streams, connections } = scenario;
  const lanes =
    kind === 'messages' ? streams : Math.min(MOST_STREAMS, Math.floor(MOST_AT_ONCE / connections));
  return { ...specOf(scenario, port, seconds), rate, lanes };
}

/** The next request of each stream after the answer to the last. */
export function closedLoop(scenario: Scenario, port: number, seconds: number): GeneratorSpec {
  return { ...specOf(scenario, port, seconds), rate: 0, lanes: scenario.streams };
}

function specOf(scenario: Scenario, port: number, seconds: number): Omit<GeneratorSpec, 'rate' | 'lanes'> {
  const { protocol, connections, path, headers, bodyBytes, kind } = scenario;
  return {
    port,
    protocol: protocol === 'grpc' ? 'h2' : protocol,
    connections,
    authority: AUTHORITY,
    path,
    fields: headers,
    bodyBytes,
    duplex: kind === 'messages',
    warmMs: WARM_MS,
    seconds,
  };
}
