import { z } from 'zod';
import type { KubeClient } from '../kubernetes/kube-client.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import type { ResourceType } from '../kubernetes/resource-type.ts';

const resourceList = z.object({ resources: z.array(z.object({ name: z.string() })).default([]) });

/** What an API server says that it serves (discovery); each group and version is asked for once. */
export class DiscoveredKinds {
  readonly #client: Pick<KubeClient, 'rawGet'>;
  readonly #known = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(client: Pick<KubeClient, 'rawGet'>) {
    this.#client = client;
  }

  /** The first that is served. @throws KubeError */
  async firstOf(types: readonly ResourceType[]): Promise<ResourceType | undefined> {
    for (const type of types) {
      if ((await this.#pluralsOf(type)).has(type.plural)) return type;
    }
    return undefined;
  }

  #pluralsOf({ group, version }: ResourceType): Promise<ReadonlySet<string>> {
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    const known = this.#known.get(path) ?? this.#ask(path);
    this.#known.set(path, known);
    return known;
  }

  async #ask(path: string): Promise<ReadonlySet<string>> {
    try {
      const answer = resourceList.parse(JSON.parse(await this.#client.rawGet(path)));
      return new Set(answer.resources.map(({ name }) => name));
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return new Set();
      throw failure;
    }
  }
}
