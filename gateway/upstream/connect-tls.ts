import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { SvidError } from '../../trust/svid-error.ts';
import { checkPod, type PodSession } from '../../trust/upstream-tls.ts';
import { socketErrorText } from '../http/socket-error.ts';
import type { UpstreamTlsPlan } from '../routing/upstream-plan.ts';
import {
  awaitSocket,
  type Connect,
  type ConnectOptions,
  type ConnectResult,
  type ConnectTarget,
} from './connect.ts';
import type { PodCredential, PodCredentials } from './pod-credentials.ts';

export interface ConnectTlsOptions extends ConnectOptions {
  readonly plan: UpstreamTlsPlan;
  /** What is offered by ALPN; empty = nothing. */
  readonly alpn: UpstreamTlsPlan['alpn'];
  readonly credentials: PodCredentials;
  /** A handshake failed, or the pod is not who it should be: counted as `isthmus_rejected_total{reason}`. */
  readonly rejected: (reason: RejectionReason) => void;
}

interface Handshake {
  readonly credential: PodCredential;
  readonly session: PodSession | undefined;
}

/** TLS connections to one pod: each by the SVID and the roots of its moment, resumed where those are still the same. */
export function tlsConnector(target: ConnectTarget, options: ConnectTlsOptions): Connect {
  const dialler = new PodDialler(target, options);
  return (timeoutMs, result) => dialler.dial(timeoutMs, result);
}

class PodDialler {
  readonly #target: ConnectTarget;
  readonly #options: ConnectTlsOptions;
  #session: PodSession | undefined;
  #sessionOf: PodCredential | undefined;

  constructor(target: ConnectTarget, options: ConnectTlsOptions) {
    this.#target = target;
    this.#options = options;
  }

  dial(timeoutMs: number, result: ConnectResult): () => void {
    const { clock, credentials, plan } = this.#options;
    const credential = credentials.of(plan);
    if (typeof credential === 'string') return clock.after(0, () => result.failed(credential));
    const session = this.#sessionFor(credential, clock.now());
    const socket = this.#open(credential, session);
    const failed = (failure: Error): void => result.failed(this.#refused(socket, failure));
    const wait = { event: 'secureConnect', clock, timeoutMs } as const;
    const connected = (): void => {
      const failure = this.#check(socket, { credential, session });
      if (failure === undefined) result.connected(socket);
      else {
        socket.on('error', () => undefined);
        socket.destroy();
        failed(failure);
      }
    };
    const waiter = { connected, failed: (reason: string) => result.failed(reason) };
    return awaitSocket(socket, wait, waiter, (failure) => this.#refused(socket, failure));
  }

  #sessionFor(credential: PodCredential, nowMs: number): PodSession | undefined {
    if (credential !== this.#sessionOf || this.#session === undefined) return undefined;
    return nowMs < this.#session.pod.verifyAgainAtMs ? this.#session : undefined;
  }

  #open(credential: PodCredential, session: PodSession | undefined): TLSSocket {
    const { plan, alpn, reads } = this.#options;
    const to: ConnectionOptions & { readonly noDelay: boolean; readonly allowHalfOpen: boolean } = {
      host: this.#target.host,
      port: this.#target.port,
      secureContext: credential.context,
      servername: plan.serverName,
      rejectUnauthorized: true,
      // Names are checked when the handshake is done, on resumed sessions too.
      checkServerIdentity: () => undefined,
      allowHalfOpen: true,
      noDelay: true,
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ...(session === undefined ? {} : { session: session.ticket }),
    };
    if (reads === undefined) return connect(to);
    return reads.dial((onread) => {
      // Node documents it for `tls.connect`; its type has it for `net.connect` alone.
      const reading = { ...to, onread };
      return connect(reading);
    });
  }

  /** What is wrong with whom the handshake has led to. */
  #check(socket: TLSSocket, { credential, session }: Handshake): Error | undefined {
    const { plan, alpn, clock, credentials } = this.#options;
    try {
      const { authority } = credential;
      const expected = {
        authority,
        names: plan.names,
        nowMs: clock.now(),
        session,
        cache: credentials.chains,
      };
      const pod = checkPod(socket, expected);
      // HTTP/2 over TLS is there by ALPN alone (RFC 9113 section 3.2); a pod that knows no ALPN speaks HTTP/1.1.
      if (alpn.length === 1 && alpn[0] === 'h2' && socket.alpnProtocol !== 'h2') return new ProtocolError();
      socket.on('session', (ticket) => this.#remember(credential, { ticket, pod }));
      return undefined;
    } catch (failure) {
      return failure instanceof Error ? failure : new Error(String(failure));
    }
  }

  #remember(credential: PodCredential, session: PodSession): void {
    this.#sessionOf = credential;
    this.#session = session;
  }

  /** Counts a failure, and words it. What went wrong before TLS began is an ordinary failure to connect. */
  #refused(socket: TLSSocket, failure: Error): string {
    this.#session = undefined;
    const { reason, text } = tlsFailure(socket, failure);
    if (reason !== undefined) this.#options.rejected(reason);
    return text;
  }
}

class ProtocolError extends Error {}

const NO_PROTOCOL = 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';
const NOT_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/;

function tlsFailure(
  socket: TLSSocket,
  failure: Error,
): { readonly reason: RejectionReason | undefined; readonly text: string } {
  const code = 'code' in failure ? String(failure.code) : '';
  if (failure instanceof SvidError) {
    const wrongName = failure.rule === 'unexpected-identity';
    const reason = wrongName ? 'upstream-identity' : 'upstream-certificate';
    return { reason, text: `the pod's certificate is refused: ${failure.message}` };
  }
  // Node puts OpenSSL's verdict there.
  if (typeof socket.authorizationError === 'string') {
    return { reason: 'upstream-certificate', text: `the pod's certificate is refused: ${failure.message}` };
  }
  if (failure instanceof ProtocolError || code === NO_PROTOCOL) {
    return { reason: 'upstream-alpn', text: 'the pod did not choose a protocol that is offered by ALPN' };
  }
  if (NOT_TLS.test(code)) return { reason: 'upstream-tls-handshake', text: 'the pod does not speak TLS' };
  if (code.startsWith('ERR_SSL_')) {
    const text = `the TLS handshake with the pod failed: ${socketErrorText(failure)}`;
    return { reason: 'upstream-tls-handshake', text };
  }
  return { reason: undefined, text: failure.message };
}
