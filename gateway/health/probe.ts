import { request } from 'node:http';
import { connect } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { hostPort } from '../../federation/model/endpoint.ts';
import { encodeHealthRequest, isServing } from './grpc-health.ts';
import { Http2Prober } from './http2-probe.ts';
import type { Probe, ProbeTarget } from './probe-target.ts';

/** Checks of all kinds, on real sockets. An HTTP check speaks the version that the port speaks. */
export function createProbe(): Probe {
  const http2 = new Http2Prober();
  return async (target, protocol, { check, timeoutMs }) => {
    switch (check.kind) {
      case 'tcp':
        return await probeTcp(target, timeoutMs);
      case 'grpc':
        return await probeGrpc(target, check.service, timeoutMs);
      case 'http': {
        const asked =
          protocol === 'http2'
            ? http2.status(target, check.path, timeoutMs)
            : http1Status(target, check.path, timeoutMs);
        return isExpected(await asked, check.expectedStatus);
      }
    }
  };
}

function isExpected(status: number | undefined, expected: readonly number[]): boolean {
  if (status === undefined) return false;
  return expected.length === 0 ? status >= 200 && status < 300 : expected.includes(status);
}

function probeTcp({ host, port }: ProbeTarget, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(timeoutMs) });
    const done = (passed: boolean): void => {
      socket.destroy();
      resolve(passed);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

function http1Status(
  { host, port }: ProbeTarget,
  path: string,
  timeoutMs: number,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { 'user-agent': 'isthmus-health-check', connection: 'close' };
    const asked = request({ host, port, path, headers, agent: false, signal }, (response) => {
      resolve(response.statusCode);
      // The body is nobody's concern, and may have no end.
      response.destroy();
    });
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}

/** grpc.health.v1 (GRPC Health Checking Protocol). */
function probeGrpc({ host, port }: ProbeTarget, service: string, timeoutMs: number): Promise<boolean> {
  const client = new Client(hostPort(host, port), credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  });
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      encodeHealthRequest,
      isServing,
      service,
      { deadline: Date.now() + timeoutMs },
      (error, serving) => {
        client.close();
        resolve(error === null && serving === true);
      },
    );
  });
}
