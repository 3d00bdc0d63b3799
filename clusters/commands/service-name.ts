import { isDnsLabel } from '../../federation/model/cluster.ts';
import type { ServiceName } from '../../federation/model/service.ts';
import { usageError } from './usage-error.ts';

const DOMAIN = '.svc.clusterset.local';

/** `NAMESPACE/NAME`, `NAME.NAMESPACE`, or the whole host name. @throws UserError */
export function parseServiceName(text: string): ServiceName {
  const short = text.endsWith(DOMAIN) ? text.slice(0, -DOMAIN.length) : text;
  const [first = '', second = '', ...more] = short.split(short.includes('/') ? '/' : '.');
  const [namespace, name] = short.includes('/') ? [first, second] : [second, first];
  if (more.length === 0 && isDnsLabel(namespace) && isDnsLabel(name)) return { namespace, name };
  throw usageError(`${JSON.stringify(text)} is no service`, 'write NAMESPACE/NAME or NAME.NAMESPACE');
}
