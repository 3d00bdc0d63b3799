import { type HostPort, parseHostPort as parse } from '../../federation/model/endpoint.ts';
import { usageError } from './usage-error.ts';

/** Reads `HOST:PORT`, IPv6 in brackets. @throws UserError with exit code 2. */
export function parseHostPort(flag: string, text: string): HostPort {
  const found = parse(text);
  if (found !== undefined && found.port > 0) return found;
  throw usageError(
    `${flag} ${text}: is not HOST:PORT`,
    'for example 127.0.0.1:15443, or [::1]:15443; ports are 1 to 65535',
  );
}

/** Names of "all addresses of this machine": something to listen on, nothing to dial. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
