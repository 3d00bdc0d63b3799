import { type Agent as HttpAgent, type IncomingMessage, STATUS_CODES } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from '../../federation/runtime/clock.ts';
import { ApiReach } from './api-reach.ts';
import type { ProbeResult } from './api-reach-state.ts';
import type { Authentication, Credentials, TlsMaterial } from './credentials.ts';
import { errorFromAnswer, KubeError } from './kube-error.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the server's root, already escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** application/json. */
  readonly accept?: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** For all of a call; of a watch, until its first byte. */
  readonly timeoutMs: number;
}

/** A list of 500 large EndpointSlices is 30 MB; more in one answer is no API server's. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** After this the system asks whether a silent peer is still there; ten questions, a second apart. */
const KEEP_ALIVE_MS = 15_000;
/** Less than the API server's own 90 s, so that we seldom send into a connection that it is closing. */
const IDLE_CONNECTION_MS = 30_000;
/** An API server that has not begun to answer after this may be gone. */
const LATE_MS = 2000;
const PROBE_TIMEOUT_MS = 10_000;

/** Bytes that had come on each connection at some time. */
type Heard = ReadonlyMap<Socket, number>;

/** Authenticated HTTPS requests to one API server over connections that are kept. */
export class KubeTransport {
  readonly credentials: Credentials;
  readonly reach: ApiReach;
  readonly #clock: Clock;
  /** What had come on each connection when it was last certain that the API server answers, bytes. */
  #heardBefore: Heard = new Map();
  /** The same, when the last answered probe was sent. */
  #heardAtProbe: Heard = new Map();
  /** Monotonic ms: when something was asked last on each connection. */
  readonly #askedAtMs = new WeakMap<Socket, number>();
  #agent: { readonly of: string; readonly agent: Agent } | undefined;
  #cancelSecondLook: () => void = () => undefined;
  #closed = false;

  constructor(credentials: Credentials, clock: Clock) {
    this.credentials = credentials;
    this.#clock = clock;
    this.reach = new ApiReach({ clock, probe: (signal) => this.#probe(signal) });
    this.reach.onReturn(() => this.#returned());
  }

  /** The whole body of a 2xx answer. @throws KubeError; the signal's reason; UserError of the credentials */
  async read(request: KubeRequest): Promise<string> {
    const deadline = this.#deadline(request);
    try {
      return await collect(await this.#open(request, deadline), MAX_BODY_BYTES, describe(request));
    } catch (failure) {
      throw this.#failure(deadline.explain(failure));
    } finally {
      deadline.end();
    }
  }

  /** A 2xx answer whose body is read by the caller, who destroys it. @throws as `read` */
  async open(request: KubeRequest): Promise<IncomingMessage> {
    const deadline = this.#deadline(request);
    try {
      return await this.#open(request, deadline);
    } catch (failure) {
      throw this.#failure(deadline.explain(failure));
    } finally {
      deadline.end();
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancelSecondLook();
    this.reach.close();
    this.#agent?.agent.destroy();
  }

  #failure(failure: unknown): unknown {
    if (KubeError.isOutage(failure)) this.#doubt();
    return failure;
  }

  #doubt(): void {
    if (this.reach.doubt()) this.#heardBefore = this.#heardNow();
  }

  /** Whoever is not allowed to ask has an answer too. */
  async #probe(signal: AbortSignal): Promise<ProbeResult> {
    const request = { method: 'GET', path: '/readyz', signal, timeoutMs: PROBE_TIMEOUT_MS } as const;
    const deadline = this.#deadline(request);
    const heard = this.#heardNow();
    try {
      const { headers, tls, agent } = await deadline.race(this.credentials.current());
      const answer = await this.#send(request, { headers, tls, agent }, agent ?? false, deadline);
      if (answer === 'stale') return 'unreachable';
      answer.destroy();
      this.#heardAtProbe = heard;
      return (answer.statusCode ?? 0) < 500 ? 'ready' : 'not-ready';
    } catch {
      // Why, those say who asked for something.
      return 'unreachable';
    } finally {
      deadline.end();
    }
  }

  /**
   * A connection on which nothing came since the outage began is given up at once, but for what has only just been asked. On
   * others news may have come before the network was lost too: they, and what was just asked, have as long as an answer may
   * take, from the return on.
   */
  #returned(): void {
    const returnedAtMs = this.#clock.monotonic();
    const heard = this.#heardAtProbe;
    this.#giveUpSilent(this.#heardBefore, returnedAtMs - LATE_MS);
    this.#cancelSecondLook();
    this.#cancelSecondLook = this.#clock.after(LATE_MS, () => this.#giveUpSilent(heard, returnedAtMs));
  }

  /**
   * A connection on which nothing came since then may have been forgotten at the other end, or wait there for the
   * moment, up to two minutes away, when the system sends again: what was asked on it before is better asked anew, even a
   * watch that has no news.
   */
  #giveUpSilent(heard: Heard, askedBeforeMs: number): void {
    for (const socket of this.#sockets()) {
      const silent = socket.bytesRead <= (heard.get(socket) ?? 0);
      const askedAtMs = this.#askedAtMs.get(socket) ?? Number.NEGATIVE_INFINITY;
      if (silent && askedAtMs < askedBeforeMs) socket.destroy(new Error('the API server was away'));
    }
  }

  #heardNow(): Heard {
    return new Map(this.#sockets().map((socket) => [socket, socket.bytesRead]));
  }

  #sockets(): readonly Socket[] {
    const agent = this.#agent?.agent;
    if (agent === undefined) return [];
    return [...Object.values(agent.sockets), ...Object.values(agent.freeSockets)].flatMap(
      (some) => some ?? [],
    );
  }

  async #open(request: KubeRequest, deadline: Deadline): Promise<IncomingMessage> {
    const authentication = await deadline.race(this.credentials.current());
    if (this.#closed) throw KubeError.transport(describe(request), 'Unreachable', 'the client is closed');
    const agent = authentication.agent ?? this.#agentFor(authentication.tls);
    let answer = await this.#send(request, authentication, agent, deadline);
    // A kept connection may be closed by its other end just as it is used: nothing was done, so it is asked again.
    if (answer === 'stale') answer = await this.#send(request, authentication, agent, deadline);
    if (answer === 'stale')
      throw KubeError.transport(describe(request), 'Unreachable', 'connections are closed');
    const { statusCode: status = 0 } = answer;
    if (status >= 200 && status < 300) {
      this.reach.answered();
      return answer;
    }
    if (status === 401) this.credentials.refused();
    const body = await collect(answer, MAX_ERROR_BYTES, describe(request));
    throw errorFromAnswer(
      describe(request),
      status,
      body || (STATUS_CODES[status] ?? ''),
      answer.headers['retry-after'],
    );
  }

  #send(
    request: KubeRequest,
    { headers, tls }: Authentication,
    agent: HttpAgent | false,
    deadline: Deadline,
  ): Promise<IncomingMessage | 'stale'> {
    const { server } = this.credentials;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    return new Promise((resolve, reject) => {
      const sent = httpsRequest({
        agent,
        host: server.hostname.replace(/^\[|\]$/g, ''),
        port: server.port === '' ? 443 : server.port,
        // Of a connection that is made for this request alone.
        ...(agent === false ? tls : {}),
        servername: tls.servername,
        rejectUnauthorized: tls.rejectUnauthorized,
        method: request.method,
        path: target(server, request),
        headers: {
          accept: request.accept ?? 'application/json',
          'user-agent': 'isthmus',
          ...headers,
          ...bodyHeaders(request, body),
        },
      });
      deadline.onEnd((reason) => sent.destroy(reason));
      const notLate = this.#clock.after(LATE_MS, () => this.#doubt());
      sent.once('close', notLate);
      sent.once('socket', (socket) => {
        this.#askedAtMs.set(socket, this.#clock.monotonic());
      });
      sent.once('response', (answer) => {
        notLate();
        deadline.onEnd((reason) => answer.destroy(reason));
        resolve(answer);
      });
      sent.on('error', (failure: NodeJS.ErrnoException) => {
        const stale = sent.reusedSocket && failure.code === 'ECONNRESET' && request.method === 'GET';
        if (stale) resolve('stale');
        else reject(unreachable(request, failure));
      });
      sent.end(body);
    });
  }

  /** One for as long as the certificates stay: after a rotation connections are made with the new ones. */
  #agentFor(tls: TlsMaterial): Agent {
    const of = JSON.stringify(tls);
    if (this.#agent?.of === of) return this.#agent.agent;
    if (this.#agent !== undefined) retire(this.#agent.agent);
    const agent = new Agent({
      ...tls,
      keepAlive: true,
      keepAliveMsecs: KEEP_ALIVE_MS,
      timeout: IDLE_CONNECTION_MS,
      scheduling: 'lifo',
    });
    this.#agent = { of, agent };
    return agent;
  }

  #deadline({ signal, timeoutMs, ...request }: KubeRequest): Deadline {
    return new Deadline(this.#clock, describe(request), signal, timeoutMs);
  }
}

/** The end of a call by its signal or its time, whichever comes first. */
class Deadline {
  readonly #signal: AbortSignal | undefined;
  readonly #cancel: () => void;
  readonly #abort = (): void => this.#fire(asError(this.#signal?.reason));
  readonly #ends: ((reason: Error) => void)[] = [];
  #reason: Error | undefined;

  constructor(clock: Clock, request: string, signal: AbortSignal | undefined, timeoutMs: number) {
    this.#signal = signal;
    this.#cancel = clock.after(timeoutMs, () =>
      this.#fire(KubeError.transport(request, 'Timeout', `no whole answer in ${timeoutMs} ms`)),
    );
    signal?.addEventListener('abort', this.#abort);
    if (signal?.aborted === true) this.#abort();
  }

  onEnd(end: (reason: Error) => void): void {
    this.#ends.push(end);
    if (this.#reason !== undefined) end(this.#reason);
  }

  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.onEnd(reject);
      work.then(resolve, reject);
    });
  }

  /** Of what fails after the end, the end is the reason. */
  explain(failure: unknown): unknown {
    return this.#reason ?? failure;
  }

  end(): void {
    this.#cancel();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#ends.length = 0;
  }

  #fire(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    for (const end of this.#ends) end(reason);
  }
}

/** Method and path, without what is asked for: it may be long. */
export function describe({ method, path }: Pick<KubeRequest, 'method' | 'path'>): string {
  return `${method} ${path}`;
}

function target(server: URL, { path, query = {} }: KubeRequest): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const base = server.pathname.replace(/\/$/, '');
  return given.length === 0 ? `${base}${path}` : `${base}${path}?${new URLSearchParams(given)}`;
}

function bodyHeaders(request: KubeRequest, body: string | undefined): Record<string, string | number> {
  if (body === undefined) return {};
  const contentType = request.contentType ?? 'application/json';
  return { 'content-type': contentType, 'content-length': Buffer.byteLength(body) };
}

/** @throws KubeError when it is larger, or ends too early */
async function collect(answer: IncomingMessage, maxBytes: number, request: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) {
        throw KubeError.transport(request, 'TooLarge', `an answer of more than ${maxBytes} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (failure) {
    if (failure instanceof KubeError) throw failure;
    throw KubeError.transport(
      request,
      'Unreachable',
      `the answer broke off: ${asError(failure).message}`,
      failure,
    );
  }
  return Buffer.concat(chunks, length).toString('utf8');
}

/** Connections in use are ended by those who use them, and not kept after that. */
function retire(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets))
    for (const socket of sockets ?? []) socket.destroy();
}

function unreachable(request: KubeRequest, failure: NodeJS.ErrnoException): Error {
  if (failure instanceof KubeError) return failure;
  const { message, code } = failure;
  const what = message === '' ? (code ?? 'the connection failed') : message;
  return KubeError.transport(describe(request), 'Unreachable', what, failure);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
