import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  Server as GrpcServer,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { GREETER, type Greeting } from './greeter.ts';

/** What a demo cluster's backend process is told, as JSON in its first argument. */
export interface BackendPlan {
  readonly cluster: string;
  readonly host: string;
  /** One HTTP echo "pod" per port. */
  readonly echoPorts: readonly number[];
  readonly streamPort: number;
  readonly grpcPort: number;
  readonly canaryPort: number;
  readonly delayMs: number;
}

const STREAM_TICKS = 10;
const STREAM_INTERVAL_MS = 100;
const REPEATS = 10;
const REPEAT_INTERVAL_MS = 50;

function echo(plan: BackendPlan, pod: string, delayMs: number) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => {
      const body = JSON.stringify({
        cluster: plan.cluster,
        pod,
        method: request.method,
        path: request.url,
        bytes,
        caller: request.headers['x-forwarded-client-cert'],
      });
      setTimeout(() => {
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        });
        response.end(`${body}`);
      }, delayMs);
    });
  };
}

/** Ten lines, 100 ms apart: to see that nothing is held back on the way. */
function stream(plan: BackendPlan) {
  return (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    let tick = 0;
    const timer = setInterval(() => {
      tick += 1;
      response.write(`${plan.cluster} ${tick}\n`);
      if (tick === STREAM_TICKS) {
        clearInterval(timer);
        response.end();
      }
    }, STREAM_INTERVAL_MS);
    response.on('close', () => clearInterval(timer));
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  // Longer than any gateway keeps an idle connection: the gateway, not the pod, decides when one ends.
  server.keepAliveTimeout = 600_000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

function greet(plan: BackendPlan) {
  return (call: ServerUnaryCall<Greeting, Greeting>, respond: sendUnaryData<Greeting>): void => {
    const text = call.request.text;
    if (text === 'fail') {
      respond({ code: status.FAILED_PRECONDITION, details: 'asked to fail' });
      return;
    }
    const answer = (): void => respond(null, { cluster: plan.cluster, text: `hello ${text}` });
    // Slower than any deadline that a caller would set to see it expire.
    setTimeout(answer, text === 'slowly' ? 5_000 : plan.delayMs);
  };
}

function repeat(plan: BackendPlan) {
  return (call: ServerWritableStream<Greeting, Greeting>): void => {
    let sent = 0;
    const timer = setInterval(() => {
      sent += 1;
      call.write({ cluster: plan.cluster, text: `hello ${call.request.text} ${sent}` });
      if (sent === REPEATS) {
        clearInterval(timer);
        call.end();
      }
    }, REPEAT_INTERVAL_MS);
    call.on('cancelled', () => clearInterval(timer));
  };
}

function collect(plan: BackendPlan) {
  return (call: ServerReadableStream<Greeting, Greeting>, respond: sendUnaryData<Greeting>): void => {
    const texts: string[] = [];
    call.on('data', (greeting: Greeting) => texts.push(greeting.text));
    call.on('end', () => respond(null, { cluster: plan.cluster, text: texts.join(' ') }));
  };
}

function chat(plan: BackendPlan) {
  return (call: ServerDuplexStream<Greeting, Greeting>): void => {
    call.on('data', (greeting: Greeting) => call.write({ cluster: plan.cluster, text: greeting.text }));
    call.on('end', () => call.end());
  };
}

function listenGrpc(plan: BackendPlan): Promise<void> {
  const server = new GrpcServer();
  server.addService(GREETER, {
    greet: greet(plan),
    repeat: repeat(plan),
    collect: collect(plan),
    chat: chat(plan),
  });
  return new Promise((resolve, reject) => {
    server.bindAsync(`${plan.host}:${plan.grpcPort}`, ServerCredentials.createInsecure(), (failure) =>
      failure === null ? resolve() : reject(failure),
    );
  });
}

async function main(): Promise<void> {
  const plan = JSON.parse(process.argv[2] ?? '') as BackendPlan;
  process.title = `isthmus-demo-backend ${plan.cluster}`;
  const echoes = plan.echoPorts.map((port, index) =>
    listen(createServer(echo(plan, `echo-${index + 1}`, plan.delayMs)), plan.host, port),
  );
  await Promise.all([
    ...echoes,
    listen(createServer(stream(plan)), plan.host, plan.streamPort),
    listen(createServer(echo(plan, 'canary', 0)), plan.host, plan.canaryPort),
    listenGrpc(plan),
  ]);
}

await main();
