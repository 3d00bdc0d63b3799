import type { FailureCode } from '../../federation/model/errors.ts';
import { gatewayId, type TrustDomain } from '../../federation/model/identity.ts';
import { choose } from '../routing/choose.ts';
import { CLIENT_CERT_FIELD, TRUNK_FIELDS } from './fields.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';
import { hashText } from './request-hash.ts';

/** Where it goes: chosen again, and by the same rules, each time a request is sent elsewhere. */
export function forward(request: PipelineRequest, environment: PipelineEnvironment): FailureCode | undefined {
  const { route } = request;
  if (route === undefined) return 'internal';
  if (request.ruleAnswer !== undefined) return undefined;
  const destination = choose(environment.now(), environment.table, route, request.choice);
  if (destination.kind === 'none') return destination.failure;
  request.destination = destination;
  return undefined;
}

/**
 * Adds what the next hop alone is told to the end of the request's block. The caller cuts it off again once the
 * block is sent, for the next attempt may go another way.
 */
export function addHopFields(request: PipelineRequest, trustDomain: TrustDomain): void {
  const { block, caller, callerByAddress, choice, destination } = request;
  if (destination?.kind === 'trunk') {
    block.push(
      TRUNK_FIELDS.service,
      request.route?.target ?? '',
      TRUNK_FIELDS.locality,
      destination.locality,
    );
    if (caller !== undefined) block.push(TRUNK_FIELDS.caller, caller);
    else if (callerByAddress !== undefined) block.push(TRUNK_FIELDS.callerByAddress, callerByAddress);
    if (destination.panic) block.push(TRUNK_FIELDS.panic, '1');
    if (choice.hash !== undefined) block.push(TRUNK_FIELDS.hash, hashText(choice.hash));
    return;
  }
  if (caller !== undefined) block.push(CLIENT_CERT_FIELD, `By=${gatewayId(trustDomain).text};URI=${caller}`);
}
