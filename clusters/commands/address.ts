import type { HostPort } from '../folder/configuration.ts';
import { usageError } from './usage-error.ts';

const HOST_PORT = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9.-]{1,253})):([0-9]{1,5})$/;
const MAX_PORT = 65_535;

/** Reads `HOST:PORT`, IPv6 in brackets. @throws UserError with exit code 2. */
export function parseHostPort(flag: string, text: string): HostPort {
  const [, bracketed, plain, digits] = HOST_PORT.exec(text.toLowerCase()) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) {
    throw usageError(`${flag} ${text}: is not HOST:PORT`, 'for example 127.0.0.1:15443, or [::1]:15443');
  }
  const port = Number(digits);
  if (port < 1 || port > MAX_PORT) {
    throw usageError(`${flag} ${text}: ${port} is not a port`, `use a port from 1 to ${MAX_PORT}`);
  }
  return { host, port };
}

/** Names of "all addresses of this machine": something to listen on, nothing to dial. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host);
}
