import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { UserError } from '../../federation/model/user-error.ts';
import { type Clock, SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import type { Authentication, Credentials } from './credentials.ts';

/** Where kubelet puts a pod's service account. */
const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
/** kubelet replaces a token at four fifths of its life, which is ten minutes at least. */
const REREAD_MS = 10_000;
/** What may stand in a field of HTTP. */
const TOKEN = /^[!-~]{1,16384}$/;

export interface InClusterOptions {
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
}

/** A pod's own service account; token and authority are read again, for kubelet rotates them. */
export class InCluster implements Credentials {
  readonly server: URL;
  readonly namespace: string;
  readonly #folder: string;
  readonly #clock: Clock;
  #known: { readonly authentication: Authentication; readonly readAtMs: number } | undefined;

  private constructor(server: URL, namespace: string, folder: string, clock: Clock) {
    this.server = server;
    this.namespace = namespace;
    this.#folder = folder;
    this.#clock = clock;
  }

  /** @throws UserError when this is no pod, or one without a service account. */
  static async open(options: InClusterOptions = {}): Promise<InCluster> {
    const { folder = SERVICE_ACCOUNT_FOLDER, environment = process.env, clock = SYSTEM_CLOCK } = options;
    const host = environment.KUBERNETES_SERVICE_HOST;
    const port = environment.KUBERNETES_SERVICE_PORT ?? '443';
    if (host === undefined || host === '') {
      throw new UserError('this is no pod: KUBERNETES_SERVICE_HOST is not set', {
        hint: 'run it in Kubernetes, or leave the section kubernetes out of the file',
      });
    }
    const server = new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`);
    const namespace = (await readAccountFile(folder, 'namespace')).trim();
    const credentials = new InCluster(server, namespace, folder, clock);
    await credentials.current();
    return credentials;
  }

  async current(): Promise<Authentication> {
    const nowMs = this.#clock.monotonic();
    const known = this.#known;
    if (known !== undefined && nowMs - known.readAtMs < REREAD_MS) return known.authentication;
    try {
      this.#known = { authentication: await this.#read(), readAtMs: nowMs };
    } catch (failure) {
      // What is known is good until the API server refuses it.
      if (known === undefined) throw failure;
      this.#known = { ...known, readAtMs: nowMs };
    }
    return this.#known.authentication;
  }

  refused(): void {
    this.#known = undefined;
  }

  async #read(): Promise<Authentication> {
    const [token, ca] = await Promise.all(
      ['token', 'ca.crt'].map((name) => readAccountFile(this.#folder, name)),
    );
    const bearer = token?.trim() ?? '';
    if (!TOKEN.test(bearer)) {
      throw new UserError(`${join(this.#folder, 'token')}: is not a service account's token`, {
        hint: 'set automountServiceAccountToken: true for the pod',
      });
    }
    return {
      headers: { authorization: `Bearer ${bearer}` },
      tls: { ca, cert: undefined, key: undefined, servername: undefined, rejectUnauthorized: true },
      agent: undefined,
    };
  }
}

async function readAccountFile(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  try {
    return await readFile(path, 'utf8');
  } catch (failure) {
    const code = (failure as NodeJS.ErrnoException).code ?? String(failure);
    throw new UserError(`${path}: cannot be read (${code})`, {
      hint: 'set automountServiceAccountToken: true for the pod',
      cause: failure,
    });
  }
}
