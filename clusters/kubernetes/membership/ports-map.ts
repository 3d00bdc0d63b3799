import { z } from 'zod';
import { type Clock, every } from '../../../federation/runtime/clock.ts';
import { readIfThere, writeDurably } from '../../../federation/runtime/durable-file.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { followObject } from './followed-object.ts';
import { CONFIG_MAPS, MANAGED_BY } from './resource-types.ts';

export interface PortsMapOptions {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'watch' | 'create' | 'update' | 'onReturn'>;
  readonly namespace: string;
  /** Of the ConfigMap. */
  readonly name: string;
  /** This replica's file of service ports. */
  readonly path: string;
  /** Whether this replica gives and takes ports. */
  readonly leads: () => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  /** What is wrong; undefined when it is over. */
  readonly problem: (failure: unknown) => void;
}

const KEY = 'ports.json';
const LOOK_MS = 2000;
/** Of the 1 MiB that etcd takes. */
const MAX_CHARACTERS = 900_000;

const mapSchema = z.object({
  metadata: z.object({ uid: z.string(), resourceVersion: z.string() }),
  data: z.object({ [KEY]: z.string().max(MAX_CHARACTERS).optional() }).optional(),
});

/**
 * Which port is which service's, the same for all replicas and over their pods: the leader's file goes into a ConfigMap,
 * and from there into the others' files.
 */
export class PortsMap {
  readonly #options: PortsMapOptions;
  readonly #end = new AbortController();
  readonly #following: Promise<void>;
  readonly #stop: () => void;
  #told: string | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: PortsMapOptions, told: string | undefined) {
    const { client, namespace, name, clock, random, problem } = options;
    this.#options = options;
    this.#told = told;
    this.#following = followObject({
      client,
      type: CONFIG_MAPS,
      namespace,
      name,
      random,
      signal: this.#end.signal,
      problem,
      changed: (object) => this.#take(object),
    });
    this.#stop = every(clock, LOOK_MS, () => this.#look());
  }

  /** The file is as the cluster remembers it when this resolves; without the API server it is as it was. */
  static async open(options: PortsMapOptions): Promise<PortsMap> {
    const { client, namespace, name, path, problem } = options;
    let told: string | undefined;
    try {
      told = portsOf(await client.get(CONFIG_MAPS, { namespace, name }));
      if (told !== undefined) await writeDurably(path, told);
    } catch (failure) {
      if (!KubeError.isNotFound(failure)) problem(failure);
    }
    return new PortsMap(options, told);
  }

  async close(): Promise<void> {
    this.#stop();
    this.#end.abort();
    await Promise.all([this.#following, this.#writing]);
  }

  async #take(object: unknown): Promise<void> {
    const text = portsOf(object);
    if (text === undefined || this.#options.leads()) return;
    this.#told = text;
    if (text !== (await readIfThere(this.#options.path))) await writeDurably(this.#options.path, text);
  }

  #look(): void {
    if (!this.#options.leads()) return;
    this.#writing = this.#writing
      .then(() => this.#tell())
      .then(
        () => this.#options.problem(undefined),
        (failure: unknown) => this.#options.problem(failure),
      );
  }

  async #tell(): Promise<void> {
    const { client, namespace, name, path } = this.#options;
    const text = await readIfThere(path);
    if (text === undefined || text === this.#told) return;
    if (text.length > MAX_CHARACTERS) throw new Error(`${path}: is more than a ConfigMap takes`);
    const metadata = { name, namespace, labels: MANAGED_BY };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', data: { [KEY]: text } };
    const before = await this.#version();
    if (before === undefined) await client.create(CONFIG_MAPS, { ...object, metadata });
    else await client.update(CONFIG_MAPS, { ...object, metadata: { ...metadata, ...before } });
    this.#told = text;
  }

  async #version(): Promise<{ readonly uid: string; readonly resourceVersion: string } | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return mapSchema.parse(await client.get(CONFIG_MAPS, { namespace, name })).metadata;
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return undefined;
      throw failure;
    }
  }
}

function portsOf(object: unknown): string | undefined {
  return mapSchema.safeParse(object).data?.data?.[KEY];
}
