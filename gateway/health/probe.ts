import { request } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { hostPort } from '../../federation/model/endpoint.ts';
import type { HealthCheckKind } from '../../federation/model/policy.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { TrunkCredentials } from '../trunk/dialler.ts';
import { type Connect, tcpConnector } from '../upstream/connect.ts';
import { tlsConnector } from '../upstream/connect-tls.ts';
import { PodCredentials } from '../upstream/pod-credentials.ts';
import { Http2Prober } from './http2-probe.ts';
import type { Probe, ProbeTarget } from './probe-target.ts';

export interface ProbeOptions {
  readonly clock: Clock;
  /** Of this gateway; undefined until its first SVID is there. */
  readonly credentials: () => TrunkCredentials | undefined;
}

/**
 * Checks of all kinds, on real sockets of their own, over the transport that requests take: plaintext, or TLS with the
 * same checks of the pod. An HTTP check speaks the version that the port speaks, or that the pod chooses.
 */
export function createProbe(options: ProbeOptions): Probe {
  const http2 = new Http2Prober();
  const credentials = new PodCredentials(options.credentials);
  return async (target, { check, timeoutMs }) => {
    const startedMs = options.clock.monotonic();
    const socket = await open(connectorFor(target, options.clock, credentials), timeoutMs);
    if (socket === undefined) return false;
    const leftMs = Math.max(0, timeoutMs - (options.clock.monotonic() - startedMs));
    // Whoever waits on the socket hears that it is closed.
    const cancel = options.clock.after(leftMs, () => socket.destroy());
    const passed = await ask(socket, target, check, http2);
    cancel();
    socket.destroy();
    return passed;
  };
}

function connectorFor(target: ProbeTarget, clock: Clock, credentials: PodCredentials): Connect {
  const plan = target.upstream.tls;
  const options = { clock, reads: undefined };
  if (plan === undefined) return tcpConnector(target, options);
  // A check that fails is its own news: the metric counts what requests meet.
  return tlsConnector(target, { ...options, plan, alpn: plan.alpn, credentials, rejected: () => undefined });
}

function open(connect: Connect, timeoutMs: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    connect(timeoutMs, { connected: resolve, failed: () => resolve(undefined) });
  });
}

async function ask(
  socket: Socket,
  target: ProbeTarget,
  check: HealthCheckKind,
  http2: Http2Prober,
): Promise<boolean> {
  const authority = target.upstream.tls?.serverName ?? hostPort(target.host, target.port);
  switch (check.kind) {
    case 'tcp':
      socket.on('error', () => socket.destroy());
      return true;
    case 'grpc':
      return await http2.serving(socket, authority, check.service);
    case 'http': {
      const chosen = socket instanceof TLSSocket ? socket.alpnProtocol : false;
      const asked =
        target.upstream.protocol === 'http2' || chosen === 'h2'
          ? http2.status(socket, authority, check.path)
          : http1Status(socket, authority, check.path);
      return isExpected(await asked, check.expectedStatus);
    }
  }
}

function isExpected(status: number | undefined, expected: readonly number[]): boolean {
  if (status === undefined) return false;
  return expected.length === 0 ? status >= 200 && status < 300 : expected.includes(status);
}

function http1Status(socket: Socket, host: string, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const headers = { host, 'user-agent': 'isthmus-health-check', connection: 'close' };
    const asked = request({ path, headers, createConnection: () => socket }, (response) => {
      resolve(response.statusCode);
      // The body is nobody's concern, and may have no end.
      response.destroy();
    });
    asked.on('error', () => resolve(undefined));
    // A pod that changes the protocol unasked ends it without an answer and without an error.
    asked.once('close', () => resolve(undefined));
    asked.end();
  });
}
