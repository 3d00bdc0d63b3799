import { type Cors, type OriginParts, parseOrigin } from '../../../federation/model/cors.ts';

/** A CORS filter whose lists are the texts that answers have. */
export interface CompiledCors {
  readonly source: Cors;
  readonly anyOrigin: boolean;
  readonly origins: readonly OriginParts[];
  /** `*`, or a list; undefined = nothing is said. */
  readonly methods: string | undefined;
  readonly headers: string | undefined;
  readonly exposed: string | undefined;
  readonly credentials: boolean;
  readonly maxAge: string;
}

export function compileCors(cors: Cors): CompiledCors {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAgeSeconds } = cors;
  // With credentials browsers take `*` for a name, and the standard forbids it.
  const exposed = allowCredentials ? exposeHeaders.filter((name) => name !== '*') : exposeHeaders;
  return {
    source: cors,
    anyOrigin: allowOrigins.includes('*'),
    origins: allowOrigins.flatMap((text) => parseOrigin(text) ?? []),
    methods: listed(allowMethods),
    headers: listed(allowHeaders),
    exposed: listed(exposed),
    credentials: allowCredentials,
    maxAge: String(maxAgeSeconds),
  };
}

function listed(items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : items.join(', ');
}

/** Whether pages of that origin may read what is answered. */
export function allowsOrigin({ anyOrigin, origins }: CompiledCors, origin: string): boolean {
  if (anyOrigin) return true;
  const asked = parseOrigin(origin);
  if (asked === undefined) return false;
  return origins.some(
    ({ scheme, host, port }) => scheme === asked.scheme && port === asked.port && isOfHost(asked.host, host),
  );
}

/** `*.a` stands for names below `a`, however many labels; `*` for all. */
function isOfHost(host: string, pattern: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.')
    ? host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
    : host === pattern;
}
