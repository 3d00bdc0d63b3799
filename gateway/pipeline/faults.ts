import type { FailureCode } from '../../federation/model/errors.ts';
import type { Fault, FaultInjection } from '../../federation/model/fault-injection.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';

/**
 * Draws the faults of a client's request, where its service's policy has some. An abort is a failure at once, unless a delay
 * comes before it: who runs the stages sees to that.
 */
export function faults(request: PipelineRequest, environment: PipelineEnvironment): FailureCode | undefined {
  const policy = request.faults;
  if (policy === undefined || request.method === 'CONNECT' || !matches(request.block, policy))
    return undefined;
  const fault = draw(policy, request.grpc, environment.random);
  if (fault === undefined) return undefined;
  request.fault = fault;
  return fault.delayMs > 0 ? undefined : 'faultInjected';
}

function draw({ delay, abort }: FaultInjection, grpc: boolean, random: () => number): Fault | undefined {
  const delayMs = delay !== undefined && random() * 100 < delay.percentage ? delay.fixedMs : 0;
  const speaksOfIt = abort?.httpStatus !== undefined || grpc;
  const ends = abort !== undefined && speaksOfIt && random() * 100 < abort.percentage ? abort : undefined;
  return delayMs === 0 && ends === undefined ? undefined : { delayMs, abort: ends };
}

function matches(block: HeaderBlock, { headers }: FaultInjection): boolean {
  return headers.every(({ name, value }) => {
    const field = name === 'host' ? ':authority' : name;
    for (let i = 0; i < block.length; i += 2) if (block[i] === field && block[i + 1] === value) return true;
    return false;
  });
}
