/** What an authority names: a service, and a port if it says one. */
export interface NamedAuthority {
  /** `namespace/name`. */
  readonly key: string;
  readonly port: number | undefined;
}

const CLUSTERSET_SUFFIX = '.svc.clusterset.local';
const MAX_AUTHORITY_LENGTH = 262;
const NAME = /^([a-z0-9-]{1,63})\.([a-z0-9-]{1,63})$/;
const PORT = /^[1-9][0-9]{0,4}$/;

/**
 * Reads `<service>.<namespace>[.svc.clusterset.local][.][:port]`, in any case (RFC 9110 section 4.2.3: a host's case
 * does not matter). undefined for anything else.
 */
export function parseAuthority(authority: string): NamedAuthority | undefined {
  if (authority.length > MAX_AUTHORITY_LENGTH) return undefined;
  const colon = authority.indexOf(':');
  const port = colon < 0 ? undefined : authority.slice(colon + 1);
  if (port !== undefined && !PORT.test(port)) return undefined;
  const name = NAME.exec(serviceHost(colon < 0 ? authority : authority.slice(0, colon)));
  if (name === null) return undefined;
  return { key: `${name[2]}/${name[1]}`, port: port === undefined ? undefined : Number(port) };
}

/** Reads `<service>.<namespace>.svc.clusterset.local` in lower case. @returns `namespace/name`; undefined for anything else */
export function parseClustersetHost(host: string): string | undefined {
  if (!host.endsWith(CLUSTERSET_SUFFIX)) return undefined;
  const name = NAME.exec(host.slice(0, -CLUSTERSET_SUFFIX.length));
  return name === null ? undefined : `${name[2]}/${name[1]}`;
}

/** The host in lower case, without a final dot and without the clusterset's own suffix. */
function serviceHost(host: string): string {
  const lower = host.toLowerCase();
  const absolute = lower.endsWith('.') ? lower.slice(0, -1) : lower;
  return absolute.endsWith(CLUSTERSET_SUFFIX) ? absolute.slice(0, -CLUSTERSET_SUFFIX.length) : absolute;
}
