import { request } from 'node:http';
import { connect } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { hostPort } from '../../federation/model/endpoint.ts';
import type { HealthCheckPolicy } from '../../federation/model/policy.ts';
import { encodeHealthRequest, isServing } from './grpc-health.ts';

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
}

/** Checks once; never rejects. What does not answer in time has failed. */
export function probe(target: ProbeTarget, policy: HealthCheckPolicy): Promise<boolean> {
  const { check, timeoutMs } = policy;
  switch (check.kind) {
    case 'tcp':
      return probeTcp(target, timeoutMs);
    case 'http':
      return probeHttp(target, check.path, check.expectedStatus, timeoutMs);
    case 'grpc':
      return probeGrpc(target, check.service, timeoutMs);
  }
}

function probeTcp({ host, port }: ProbeTarget, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const done = (passed: boolean): void => {
      socket.destroy();
      resolve(passed);
    };
    socket.once('connect', () => done(true));
    socket.once('timeout', () => done(false));
    socket.once('error', () => done(false));
  });
}

function probeHttp(
  { host, port }: ProbeTarget,
  path: string,
  expectedStatus: readonly number[],
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { 'user-agent': 'isthmus-health-check', connection: 'close' };
    const asked = request({ host, port, path, headers, agent: false, signal }, (response) => {
      const { statusCode = 0 } = response;
      resolve(
        expectedStatus.length === 0
          ? statusCode >= 200 && statusCode < 300
          : expectedStatus.includes(statusCode),
      );
      // The body is nobody's concern, and may have no end.
      response.destroy();
    });
    asked.once('error', () => resolve(false));
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
