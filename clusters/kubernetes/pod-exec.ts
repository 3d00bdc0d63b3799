import { z } from 'zod';
import type { Credentials } from './credentials.ts';
import { KubeError } from './kube-error.ts';

/** A program to run in a container of a pod. */
export interface PodProgram {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** Handed over whole, then closed. Secrets go here: a command is seen by whoever sees processes or audit logs. */
  readonly stdin?: string | undefined;
}

export interface ExecLimits {
  readonly signal?: AbortSignal | undefined;
  /** From the connection to the program's end. */
  readonly timeoutMs: number;
  /** Takes stdout as it comes, of any length in that time; the result then has none of it. */
  readonly onStdout?: ((chunk: Uint8Array) => void) | undefined;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Of what is kept of stdout and stderr together; more is a failure. */
export const MAX_EXEC_OUTPUT_BYTES = 1024 * 1024;
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
/** The only version of the protocol in which stdin can end before the connection does; Kubernetes 1.30. */
const PROTOCOL = 'v5.channel.k8s.io';

/**
 * Runs a program by the `exec` subresource, over a WebSocket, and waits for its end.
 * @throws KubeError where it could not be run or its end was not seen, naming the pod and not the command;
 * the signal's reason; UserError of the credentials
 */
export async function execInPod(
  credentials: Credentials,
  program: PodProgram,
  { signal, timeoutMs, onStdout }: ExecLimits,
): Promise<ExecResult> {
  const { namespace, pod } = program;
  const request = `exec in pod ${namespace}/${pod}`;
  const timeout = AbortSignal.timeout(timeoutMs);
  const ended = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  ended.throwIfAborted();
  const conversation = new Conversation(request, onStdout);
  const onAbort = (): void => {
    const late = KubeError.transport(request, 'Timeout', `no end after ${timeoutMs / 1000} s`);
    conversation.fail(signal?.aborted === true ? signal.reason : late);
  };
  ended.addEventListener('abort', onAbort, { once: true });
  try {
    const opening = connect(credentials, execPath(program), conversation, timeoutMs);
    opening.then(
      (socket) => converse(socket, program.stdin, conversation),
      (failure) => conversation.fail(connectionError(request, failure)),
    );
    return await conversation.result;
  } finally {
    ended.removeEventListener('abort', onAbort);
  }
}

function execPath({ namespace, pod, container, command, stdin }: PodProgram): string {
  const query = new URLSearchParams({ container, stdout: 'true', stderr: 'true' });
  if (stdin !== undefined) query.set('stdin', 'true');
  for (const word of command) query.append('command', word);
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec?${query}`;
}

/** What of a WebSocket is used; client-node's package for it is no dependency of ours. */
interface Socket {
  readonly protocol: string;
  send(data: Uint8Array): void;
  close(): void;
  terminate(): void;
  addEventListener(name: 'close', listener: () => void): void;
}

async function connect(
  credentials: Credentials,
  path: string,
  conversation: Conversation,
  handshakeTimeout: number,
): Promise<Socket> {
  const { Exec, KubeConfig } = await import('@kubernetes/client-node');
  const { headers, tls, agent } = await credentials.current();
  const config = new KubeConfig();
  const server = credentials.server.href.replace(/\/$/, '');
  config.loadFromClusterAndUser({ name: 'server', server, skipTLSVerify: false }, { name: 'user' });
  config.applyToHTTPSOptions = async (options): Promise<void> => {
    const limits = { handshakeTimeout, maxPayload: 2 * MAX_EXEC_OUTPUT_BYTES };
    Object.assign(options, { headers, ...tls, agent, ...limits });
  };
  const take = (channel: number, data: Buffer): boolean => conversation.take(channel, data);
  return await new Exec(config).handler.connect(path, null, take);
}

function converse(socket: Socket, stdin: string | undefined, conversation: Conversation): void {
  conversation.onSettled(() => socket.terminate());
  socket.addEventListener('close', () => conversation.closed());
  if (stdin === undefined) return;
  if (socket.protocol !== PROTOCOL) {
    conversation.outdated();
    return;
  }
  socket.send(Buffer.concat([Buffer.from([CHANNEL.stdin]), Buffer.from(stdin)]));
  socket.send(Buffer.from([CHANNEL.close, CHANNEL.stdin]));
}

/** The event of a handshake that failed, whose message has no more than a status in it. */
const handshake = z.object({ message: z.string().max(500) });

function connectionError(request: string, failure: unknown): unknown {
  if (failure instanceof Error && failure.name === 'UserError') return failure;
  const said = handshake.safeParse(failure).data?.message ?? 'no connection';
  const status = Number(/^Unexpected server response: (\d{3})$/.exec(said)?.[1] ?? 0);
  if (status === 0) return KubeError.transport(request, 'Unreachable', said);
  const reason = status === 401 || status === 403 ? 'Forbidden' : status === 404 ? 'NotFound' : 'Unknown';
  return new KubeError({ status, reason, message: `${request}: the API server answers with ${status}` });
}

/** `v1` Status, as the last word of an exec. */
const status = z.object({
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })) })
    .partial()
    .optional(),
});

/** Collects what comes; settles once. */
class Conversation {
  readonly result: Promise<ExecResult>;
  readonly #request: string;
  readonly #settle: PromiseWithResolvers<ExecResult>;
  readonly #chunks: { readonly out: Buffer[]; readonly err: Buffer[] } = { out: [], err: [] };
  readonly #onStdout: ExecLimits['onStdout'];
  #bytes = 0;

  constructor(request: string, onStdout: ExecLimits['onStdout']) {
    this.#request = request;
    this.#onStdout = onStdout;
    this.#settle = Promise.withResolvers();
    this.result = this.#settle.promise;
  }

  onSettled(then: () => void): void {
    this.result.then(then, then);
  }

  fail(reason: unknown): void {
    this.#settle.reject(reason);
  }

  closed(): void {
    this.fail(KubeError.transport(this.#request, 'Unreachable', 'the connection ended before the program'));
  }

  outdated(): void {
    const what = `the API server does not speak ${PROTOCOL}; it needs Kubernetes 1.30 or later`;
    this.fail(KubeError.transport(this.#request, 'Malformed', what));
  }

  /** @returns whether more may come */
  take(channel: number, data: Buffer): boolean {
    if (channel === CHANNEL.status) {
      this.#end(data.toString('utf8'));
      return false;
    }
    if (channel === CHANNEL.stdout && this.#onStdout !== undefined) {
      this.#onStdout(data);
      return true;
    }
    this.#bytes += data.length;
    if (this.#bytes > MAX_EXEC_OUTPUT_BYTES) {
      this.fail(KubeError.transport(this.#request, 'TooLarge', 'the program says too much'));
      return false;
    }
    if (channel === CHANNEL.stdout) this.#chunks.out.push(data);
    if (channel === CHANNEL.stderr) this.#chunks.err.push(data);
    return true;
  }

  #end(text: string): void {
    const exitCode = exitCodeOf(text);
    if (typeof exitCode === 'string') {
      this.fail(KubeError.transport(this.#request, 'Malformed', exitCode));
      return;
    }
    const { out, err } = this.#chunks;
    const stdout = Buffer.concat(out).toString('utf8');
    this.#settle.resolve({ stdout, stderr: Buffer.concat(err).toString('utf8'), exitCode });
  }
}

/** The program's exit code, or why there is none. */
function exitCodeOf(text: string): number | string {
  const said = parseStatus(text);
  if (said === undefined) return 'its last word is no Status';
  if (said.status === 'Success') return 0;
  const cause = said.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (cause !== undefined && /^\d{1,3}$/.test(cause)) return Number(cause);
  // An error of the container runtime repeats the command, which holds no secrets.
  return (said.message ?? said.reason ?? 'it failed without a reason').slice(0, 500);
}

function parseStatus(text: string): z.infer<typeof status> | undefined {
  try {
    return status.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
