import type { Agent as HttpAgent } from 'node:http';

/** What a connection is made with. */
export interface TlsMaterial {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly servername: string | undefined;
  /** false where a kubeconfig says `insecure-skip-tls-verify`. */
  readonly rejectUnauthorized: boolean;
}

/** How one request is authenticated. */
export interface Authentication {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** Where requests go through a proxy. */
  readonly agent: HttpAgent | undefined;
}

/** Who we are to an API server, and where it is. */
export interface Credentials {
  /** Scheme, host, port, and the path that all others are below. */
  readonly server: URL;
  /** Our own namespace, or the context's. */
  readonly namespace: string;
  /** Asked for with each request. @throws UserError when it cannot be had. */
  current(): Promise<Authentication>;
  /** The API server answered 401: what is cached may be old. */
  refused(): void;
}
