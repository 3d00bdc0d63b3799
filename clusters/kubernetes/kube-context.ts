import type { Agent as HttpAgent } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { nearestWord } from '../../federation/config/nearest-word.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { Authentication, Credentials } from './credentials.ts';

export interface ContextOptions {
  /** A file; by default what kubectl takes: $KUBECONFIG, else ~/.kube/config. */
  readonly kubeconfig?: string | undefined;
  /** By default the file's current one. */
  readonly context?: string | undefined;
}

/** A context of a kubeconfig: client certificates, tokens, OIDC and exec plugins, as client-node reads them. */
export class KubeContext implements Credentials {
  readonly server: URL;
  readonly namespace: string;
  readonly #config: KubeConfig;
  readonly #proxied: boolean;

  /** @throws UserError when the context is not there or not whole. */
  constructor(config: KubeConfig) {
    const name = config.getCurrentContext();
    const cluster = config.getCurrentCluster();
    if (cluster === null || config.getCurrentUser() === null) {
      throw new UserError(`context ${name}: its ${cluster === null ? 'cluster' : 'user'} is not there`, {
        hint: 'kubectl config view shows what the kubeconfig holds',
      });
    }
    this.server = serverAddress(cluster.server, name);
    this.namespace = config.getContextObject(name)?.namespace ?? 'default';
    this.#config = config;
    this.#proxied = cluster.proxyUrl !== undefined && cluster.proxyUrl !== '';
  }

  async current(): Promise<Authentication> {
    const options: RequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (failure) {
      const reason = failure instanceof Error ? failure.message : String(failure);
      throw new UserError(`context ${this.#config.getCurrentContext()}: cannot log in: ${reason.trim()}`, {
        hint: 'kubectl with this context would say the same: log in again, or choose another with --context',
        cause: failure,
      });
    }
    return {
      headers: headersOf(options),
      tls: {
        ca: asText(options.ca),
        cert: asText(options.cert),
        key: asText(options.key),
        servername: options.servername,
        rejectUnauthorized: options.rejectUnauthorized !== false,
      },
      agent: this.#proxied ? (options.agent as HttpAgent) : undefined,
    };
  }

  /** client-node asks a plugin anew when its credential says that it is over. */
  refused(): void {}
}

/**
 * Reads a kubeconfig; client-node, 80 MB of it, is loaded here and nowhere else.
 * @throws UserError naming the file, or the contexts that there are
 */
export async function loadKubeConfig({ kubeconfig, context }: ContextOptions): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const where = kubeconfig ?? process.env.KUBECONFIG ?? '~/.kube/config';
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (failure) {
    const reason = failure instanceof Error ? failure.message : String(failure);
    throw new UserError(`${where}: cannot be read as a kubeconfig: ${reason}`, {
      hint: 'name another file with --kubeconfig',
      cause: failure,
    });
  }
  // Where it finds no file client-node makes up a context of its own.
  if (kubeconfig === undefined && isMadeUp(config)) {
    throw new UserError(`${where}: there is no kubeconfig`, {
      hint: 'name one with --kubeconfig FILE, or in the environment as KUBECONFIG',
    });
  }
  selectContext(config, context, where);
  return config;
}

function isMadeUp(config: KubeConfig): boolean {
  const [only, ...others] = config.getContexts();
  return others.length === 0 && only?.name === 'loaded-context' && only.cluster === 'cluster';
}

function selectContext(config: KubeConfig, context: string | undefined, where: string): void {
  const names = config.getContexts().map(({ name }) => name);
  const wanted = context ?? config.getCurrentContext();
  if (wanted !== undefined && names.includes(wanted)) {
    config.setCurrentContext(wanted);
    return;
  }
  const meant = wanted === undefined ? undefined : nearestWord(wanted, names);
  const there = names.length === 0 ? 'it has no contexts' : `contexts: ${names.join(', ')}`;
  throw new UserError(
    wanted === undefined ? `${where}: no context is chosen` : `${where}: there is no context ${wanted}`,
    { hint: meant === undefined ? there : `did you mean ${meant}? ${there}` },
  );
}

function serverAddress(server: string, context: string): URL {
  const url = URL.parse(server);
  if (url?.protocol === 'https:') return url;
  throw new UserError(`context ${context}: its server ${server} is no https:// address`, {
    hint: 'credentials are sent over TLS only',
  });
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const taken: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined) taken[name.toLowerCase()] = String(value).trim();
  }
  if (auth != null) taken.authorization = `Basic ${Buffer.from(auth).toString('base64')}`;
  return taken;
}

/** client-node gives text or bytes; Node's types know more. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : undefined;
}
