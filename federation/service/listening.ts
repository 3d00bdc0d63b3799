import type { ListenAddress } from '../config.ts';
import { hostPort } from '../model/endpoint.ts';
import { UserError } from '../model/user-error.ts';

/** What a person reads when an address cannot be listened on. */
export function cannotListen(address: ListenAddress, failure: Error): UserError {
  const code = 'code' in failure ? String(failure.code) : failure.message;
  const shown = hostPort(address.host, address.port);
  const inUse = code === 'EADDRINUSE';
  return new UserError(`cannot listen on ${shown}${inUse ? ': the port is in use' : ` (${code})`}`, {
    hint: inUse
      ? 'stop what listens there, or set another port in the configuration'
      : 'the address must be one of this machine, and ports below 1024 need a privilege',
    cause: failure,
  });
}
