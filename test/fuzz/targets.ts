import { runClient } from './client-case.ts';
import { runHpack } from './hpack-case.ts';
import { http1Requests, http1Responses } from './http1-input.ts';
import { http2Requests, http2Responses } from './http2-input.ts';
import { sameInPieces } from './pieces.ts';
import { Random } from './random.ts';
import { runServer } from './server-case.ts';
import type { Workbench } from './workbench.ts';

/** Runs one case, the same for the same seed. @throws Finding, or what a codec has thrown */
export type Target = (bench: Workbench, seed: number) => Promise<void>;

export type TargetName = 'http1-server' | 'http1-client' | 'http2-server' | 'http2-client' | 'hpack';

export const TARGETS: Readonly<Record<TargetName, Target>> = {
  'http1-server': (bench, seed) => server(bench, 'http1', seed),
  'http1-client': (bench, seed) => client(bench, 'http1', seed),
  'http2-server': (bench, seed) => server(bench, 'http2', seed),
  'http2-client': (bench, seed) => client(bench, 'http2', seed),
  hpack: async (bench, seed) => runHpack(new Random(seed), bench.resources.scratch),
};

function server(bench: Workbench, protocol: 'http1' | 'http2', seed: number): Promise<void> {
  const random = new Random(seed);
  const answers = Array.from({ length: 1 + random.below(3) }, () => random.below(7));
  const slow = random.once(3);
  const bytes = protocol === 'http1' ? http1Requests(seed, random) : http2Requests(random);
  return sameInPieces(bytes, random, (pieces) => runServer(bench, { protocol, pieces, answers, slow }));
}

function client(bench: Workbench, protocol: 'http1' | 'http2', seed: number): Promise<void> {
  const random = new Random(seed);
  const count = protocol === 'http1' ? 1 : 5;
  const requests = Array.from({ length: count }, () => random.below(5));
  const slow = random.once(3);
  const bytes = protocol === 'http1' ? http1Responses(random) : http2Responses(random);
  return sameInPieces(bytes, random, (pieces) => runClient(bench, { protocol, pieces, requests, slow }));
}
