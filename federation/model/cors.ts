/** How cross-origin requests of browsers are answered: the CORS filter of HTTPRoute (GEP-1767), by the Fetch standard. */
export interface Cors {
  /** `*` alone, or `scheme://host[:port]`, where the host may be `*` or begin with `*.`. */
  readonly allowOrigins: readonly string[];
  /** `*` alone, or methods; empty = none is named. */
  readonly allowMethods: readonly string[];
  /** `*` alone, or names of headers. */
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  /** For how long a browser may keep the answer. */
  readonly maxAgeSeconds: number;
}

/** Of each of its lists. */
export const MAX_CORS_ITEMS = 64;
export const MAX_CORS_AGE_SECONDS = 2 ** 31 - 1;

/** A scheme, a host and a port as an `Origin` or a pattern of one says them. */
export interface OriginParts {
  readonly scheme: string;
  /** In lower case. */
  readonly host: string;
  readonly port: number;
}

const ORIGIN = /^(https?):\/\/([^\s/:?#@]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?$/;

/** undefined: it is none of a web page, such as `null`. A port that is not said is the scheme's (RFC 6454 section 4). */
export function parseOrigin(text: string): OriginParts | undefined {
  const [, scheme, host, port] = ORIGIN.exec(text.toLowerCase()) ?? [];
  if (scheme === undefined || host === undefined) return undefined;
  const number = port === undefined ? (scheme === 'http' ? 80 : 443) : Number(port);
  return number < 1 || number > 65_535 ? undefined : { scheme, host, port: number };
}
