import type { FailureCode } from '../../federation/model/errors.ts';
import { gatewayDnsName } from '../../federation/model/identity.ts';
import { NOTHING_TRIED } from '../routing/destination.ts';
import type { Route } from '../routing/route.ts';
import type { RouteMeters } from '../telemetry/route-meters.ts';
import { normalisePath } from './path.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';
import { hashOfRequest, parseHash } from './request-hash.ts';
import { settleFor } from './settle.ts';

/** Which service and port is meant: by the trunk's word, by the port it came in on, or by its authority. */
export function route(request: PipelineRequest, environment: PipelineEnvironment): FailureCode | undefined {
  if (!normalise(request)) return 'badRequest';
  if (request.context.origin === 'trunk') return routeOnTrunk(request, environment);
  if (request.context.origin === 'tls-passthrough') return routeByServerName(request, environment);
  const { listenPort } = request.context;
  if (listenPort === undefined && !servesAuthority(request, environment)) {
    environment.rejected('misdirected');
    return 'misdirected';
  }
  const found =
    listenPort === undefined
      ? environment.table.byAuthority(request.authority ?? '')
      : environment.table.byListenPort(listenPort);
  if (found === undefined) return 'noRoute';
  return acceptFromClient(request, found, environment);
}

function routeByServerName(
  request: PipelineRequest,
  environment: PipelineEnvironment,
): FailureCode | undefined {
  const found = environment.table.byServerName(request.context.serverName ?? '');
  if (found === undefined) return 'noRoute';
  return acceptFromClient(request, found, environment);
}

function routeOnTrunk(request: PipelineRequest, environment: PipelineEnvironment): FailureCode | undefined {
  if (request.claimedTarget === undefined) return 'badRequest';
  const found = environment.table.byTarget(request.claimedTarget);
  // The source's picture is newer or older than ours: it has other clusters to ask. What is not exported is nobody else's.
  if (found === undefined || found.backendOnly) return 'noLocalEndpoint';
  const { claimedHash } = request;
  const claimed = claimedHash === undefined ? undefined : parseHash(claimedHash);
  if (claimedHash !== undefined && claimed === undefined) return 'badRequest';
  request.choice = {
    tried: NOTHING_TRIED,
    localOnly: true,
    locality: request.locality,
    panic: request.claimedPanic,
    // The source's word comes first: it knows the client.
    hash: claimed ?? ownHash(request, found, environment),
  };
  return accept(request, found);
}

function acceptFromClient(
  request: PipelineRequest,
  found: Route<RouteMeters>,
  environment: PipelineEnvironment,
): FailureCode | undefined {
  // Where there are rules, they say which service's policies hold.
  if (found.rules === undefined) settleFor(request, found, environment);
  return accept(request, found);
}

function ownHash(
  request: PipelineRequest,
  { hashOn }: Route<RouteMeters>,
  { random }: PipelineEnvironment,
): number | undefined {
  return hashOn === undefined ? undefined : hashOfRequest(request, hashOn, random);
}

function accept(request: PipelineRequest, found: Route<RouteMeters>): FailureCode | undefined {
  const opaque = request.method === 'CONNECT';
  if (opaque !== (found.port.protocol === 'tcp')) return 'badRequest';
  request.route = found;
  return undefined;
}

/** False when the path cannot be brought into normal form. */
function normalise(request: PipelineRequest): boolean {
  const { path } = request;
  if (path === undefined) return request.method === 'CONNECT';
  const normal = normalisePath(path);
  if (normal === undefined) return false;
  if (normal !== path) {
    request.path = normal;
    request.block[request.block.indexOf(':path') + 1] = normal;
  }
  return true;
}

/** RFC 9110 section 7.4: a TLS connection made for one name does not serve another, but for the gateway's own. */
function servesAuthority(request: PipelineRequest, environment: PipelineEnvironment): boolean {
  const { serverName } = request.context;
  if (serverName === undefined) return true;
  const authority = request.authority?.toLowerCase() ?? '';
  const colon = authority.lastIndexOf(':');
  const host = colon < 0 ? authority : authority.slice(0, colon);
  const asked = serverName.toLowerCase();
  return asked === host || asked === gatewayDnsName(environment.local.trustDomain);
}
