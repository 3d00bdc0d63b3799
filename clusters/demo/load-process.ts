/**
 * The demo's load, in a process of its own so that nothing else of the demo delays it: open loop, half HTTP/1.1,
 * half HTTP/2 in bursts on one connection, never retried. Prints nothing; sends samples over IPC.
 */
import { Agent, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { judge } from './answer.ts';
import { LoadMix } from './load-mix.ts';
import type { Sample } from './sample.ts';

/** What to load, and how. */
export interface LoadPlan {
  readonly host: string;
  readonly port: number;
  readonly authority: string;
  readonly requestsPerSecond: number;
  readonly burst: number;
  /** The clusters that may answer. */
  readonly clusters: readonly string[];
}

const BODY = JSON.stringify({ order: 'one espresso' });
const SAMPLE_INTERVAL_MS = 200;
/** Far beyond any bound that is measured: only a lost answer runs into it. */
const GIVE_UP_MS = 15_000;

type Outcome = (failure: string | undefined, status: number, body: string) => void;

class Load {
  readonly #plan: LoadPlan;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 512 });
  readonly #samples: Sample[] = [];
  #session: ClientHttp2Session | undefined;
  readonly #http1 = new LoadMix();
  readonly #http2 = new LoadMix();
  #sent = 0;
  #open = 0;
  #stopped = false;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
  }

  start(): void {
    const startMs = now();
    const halfRate = this.#plan.requestsPerSecond / 2;
    this.#pace(startMs, 1000 / halfRate, (atMs) => this.#sendHttp1(atMs));
    this.#pace(startMs, (1000 * this.#plan.burst) / halfRate, (atMs) => this.#sendBurst(atMs));
    setInterval(() => this.#report(), SAMPLE_INTERVAL_MS).unref();
  }

  /** Sends no more, and ends when all answers are in. */
  stop(): void {
    this.#stopped = true;
    const wait = setInterval(() => {
      if (this.#open > 0) return;
      clearInterval(wait);
      this.#report(() => process.exit(0));
    }, 20);
  }

  /** Calls at fixed times from the start on, catching up when the timer was late: an open loop. */
  #pace(startMs: number, intervalMs: number, send: (atMs: number) => void): void {
    let index = 0;
    const turn = (): void => {
      for (let atMs = startMs + index * intervalMs; atMs <= now(); atMs = startMs + index * intervalMs) {
        if (this.#stopped) return;
        index += 1;
        send(atMs);
      }
      setTimeout(turn, 1);
    };
    turn();
  }

  #sendHttp1(atMs: number): void {
    const index = this.#sent++;
    const post = this.#http1.nextIsPost();
    const fresh = this.#http1.nextIsFresh();
    const done = this.#begin(atMs, 'http/1.1', !post);
    const request = httpRequest(
      {
        host: this.#plan.host,
        port: this.#plan.port,
        path: `/orders/${index}`,
        method: post ? 'POST' : 'GET',
        agent: fresh ? false : this.#agent,
        headers: post
          ? { host: this.#plan.authority, 'content-length': Buffer.byteLength(BODY) }
          : { host: this.#plan.authority },
      },
      (response) => {
        let body = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => done(undefined, response.statusCode ?? 0, body));
        response.on('error', (failure) => done(failure.message, 0, ''));
      },
    );
    request.setTimeout(GIVE_UP_MS, () => request.destroy(new Error('no answer')));
    request.on('error', (failure) => done(failure.message, 0, ''));
    request.end(post ? BODY : undefined);
  }

  #sendBurst(atMs: number): void {
    const fresh = this.#http2.nextIsFresh();
    const session = fresh ? this.#connect() : this.#kept();
    let open = this.#plan.burst;
    const streamDone = (): void => {
      open -= 1;
      if (fresh && open === 0) session.close();
    };
    for (let index = 0; index < this.#plan.burst; index += 1) {
      this.#sendStream(session, atMs, this.#http2.nextIsPost(), streamDone);
    }
  }

  #sendStream(session: ClientHttp2Session, atMs: number, post: boolean, streamDone: () => void): void {
    const done = this.#begin(atMs, 'h2', !post);
    const stream = session.request(
      {
        ':method': post ? 'POST' : 'GET',
        ':path': `/orders/${this.#sent++}`,
        ':authority': this.#plan.authority,
      },
      { endStream: !post },
    );
    let status = 0;
    let body = '';
    stream.setEncoding('latin1');
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0;
    });
    stream.on('data', (chunk: string) => {
      body += chunk;
    });
    stream.setTimeout(GIVE_UP_MS, () => stream.destroy(new Error('no answer')));
    stream.on('error', (failure) => done(failure.message, 0, ''));
    stream.on('end', () => done(undefined, status, body));
    stream.on('close', () => {
      done('stream closed without an answer', 0, '');
      streamDone();
    });
    if (post) stream.end(BODY);
  }

  #kept(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = this.#connect();
    }
    return this.#session;
  }

  #connect(): ClientHttp2Session {
    const session = connect(`http://${this.#plan.host}:${this.#plan.port}`);
    // Each of its streams reports the failure too.
    session.on('error', () => session.destroy());
    return session;
  }

  #begin(sentAtMs: number, protocol: Sample['protocol'], idempotent: boolean): Outcome {
    this.#open += 1;
    let finished = false;
    return (failure, status, body) => {
      if (finished) return;
      finished = true;
      this.#open -= 1;
      const verdict =
        failure === undefined ? judge(status, body, this.#plan.clusters) : { failure, cluster: undefined };
      this.#samples.push({ sentAtMs, durationMs: now() - sentAtMs, protocol, idempotent, ...verdict });
    };
  }

  #report(done: () => void = () => undefined): void {
    process.send?.(this.#samples.splice(0), undefined, {}, done);
  }
}

/** Unix ms with fractions, monotonic within this process. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

const load = new Load(JSON.parse(process.argv[2] ?? '') as LoadPlan);
process.on('message', (message) => {
  if (message === 'stop') load.stop();
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);
load.start();
