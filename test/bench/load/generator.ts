import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { grpcMessage } from './grpc-message.ts';
import { H2Connection, type H2Request } from './h2-lanes.ts';
import type { LoadMessage } from './load-process.ts';
import { type Lane, type Pace, Pacer } from './pacer.ts';
import { EchoLane, Http1Lane } from './socket-lanes.ts';

/** What the program `node generator.ts SPEC` does, SPEC as JSON. It tells its parent what LoadMessage lists. */
export interface GeneratorSpec extends Pace {
  readonly port: number;
  readonly protocol: 'h2' | 'h1' | 'tcp';
  readonly connections: number;
  readonly lanes: number;
  readonly authority: string;
  readonly path: string;
  readonly fields: H2Request['fields'];
  readonly bodyBytes: number;
  readonly duplex: boolean;
}

const TICK_MS = 1;
/** How long answers that are still missing are waited for. */
const PATIENCE_MS = 5_000;

async function lanesOf(spec: GeneratorSpec, answered: (lane: Lane, ok: boolean) => void): Promise<Lane[]> {
  const lanes: Lane[] = [];
  const { bodyBytes, protocol } = spec;
  const body = protocol === 'h2' && bodyBytes > 0 ? grpcMessage(bodyBytes) : Buffer.alloc(bodyBytes, 'x');
  for (let index = 0; index < spec.connections; index++) {
    const socket = connect({ port: spec.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    // What follows from an error comes with `close`.
    socket.on('error', () => {});
    lanes.push(...(await lanesOn(socket, spec, body, answered)));
  }
  return lanes;
}

async function lanesOn(
  socket: Socket,
  spec: GeneratorSpec,
  body: Buffer,
  answered: (lane: Lane, ok: boolean) => void,
): Promise<readonly Lane[]> {
  const { protocol, authority, path, fields, duplex } = spec;
  if (protocol === 'tcp') return [new EchoLane(socket, body, answered)];
  if (protocol === 'h1') {
    const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    return [new Http1Lane(socket, request, answered)];
  }
  const method = body.length === 0 ? 'GET' : 'POST';
  const all = [[':path', path] as const, [':authority', authority] as const, ...fields];
  const connection = new H2Connection(socket, spec.lanes, { method, fields: all, body, duplex }, answered);
  await new Promise<void>((resolve) => {
    connection.onReady = resolve;
  });
  return connection.lanes;
}

function tell(message: LoadMessage): void {
  process.send?.(message);
}

async function generate(spec: GeneratorSpec): Promise<void> {
  const pacer = new Pacer(spec);
  let answers = 0;
  const lanes = await lanesOf(spec, (lane, ok) => {
    answers++;
    pacer.done(lane, ok, performance.now());
  });
  pacer.begin(lanes, performance.now());
  let answersBefore = 0;
  setTimeout(() => {
    answersBefore = answers;
    tell({ kind: 'begins' });
  }, pacer.measuredFromMs - performance.now());
  let ended = false;
  const ticking = setInterval(() => {
    const nowMs = performance.now();
    pacer.tick(nowMs);
    if (!ended && nowMs >= pacer.measuredToMs) {
      ended = true;
      tell({ kind: 'ends', requests: answers - answersBefore });
    }
    if (!pacer.finished(nowMs) && nowMs < pacer.measuredToMs + PATIENCE_MS) return;
    clearInterval(ticking);
    process.send?.({ kind: 'result', result: pacer.result() }, () => process.exit());
  }, TICK_MS);
}

await generate(JSON.parse(process.argv[2] ?? '') as GeneratorSpec);
