import { join } from 'node:path';
import { z } from 'zod';
import { isDnsLabel, isPlaceName, type LocalCluster, type Locality } from '../../federation/model/cluster.ts';
import { clusterTrustDomain, isTrustDomain } from '../../federation/model/identity.ts';
import { readIfThere, writeDurably } from '../../federation/runtime/durable-file.ts';

/** What a gateway is told of its cluster's membership; nothing of it is secret. */
export interface ClustersetFacts {
  readonly cluster: string;
  readonly clusterset: string;
  readonly locality: Locality;
  /** A SPIFFE bundle, JSON. */
  readonly bundle: string;
}

const place = z.string().refine(isPlaceName);
const schema = z.strictObject({
  cluster: z.string().refine(isDnsLabel),
  clusterset: z.string().refine(isTrustDomain),
  locality: z.strictObject({ region: place, zone: place }),
  bundle: z.string().min(1),
});

/** What a gateway was last told, on disk: it starts by that while nobody can tell it anew. */
export class ClustersetCopy {
  readonly bundleFile: string;
  readonly #file: string;
  #facts: ClustersetFacts | undefined;

  private constructor(folder: string) {
    this.#file = join(folder, 'clusterset.json');
    this.bundleFile = join(folder, 'bundle.json');
  }

  /** A damaged copy is none, and so is that of a cluster that is called otherwise. */
  static async open(folder: string, cluster: string): Promise<ClustersetCopy> {
    const copy = new ClustersetCopy(folder);
    const facts = parse(await readIfThere(copy.#file));
    copy.#facts = facts?.cluster === cluster ? facts : undefined;
    if (copy.#facts !== undefined) await writeDurably(copy.bundleFile, copy.#facts.bundle, 0o644);
    return copy;
  }

  get facts(): ClustersetFacts | undefined {
    return this.#facts;
  }

  /** What the gateway of this cluster is. @param facts of `this` */
  local({ cluster: name, clusterset, locality }: ClustersetFacts): LocalCluster {
    return { name, clusterset, trustDomain: clusterTrustDomain(name, clusterset), locality };
  }

  /**
   * Keeps what was told. @returns `same` while the gateway may go on with it, a new bundle included; `other` when it is
   * another membership; `unusable` when it cannot be one.
   */
  async take(facts: ClustersetFacts): Promise<'same' | 'other' | 'unusable'> {
    const checked = schema.safeParse(facts);
    if (!checked.success) return 'unusable';
    const before = this.#facts;
    this.#facts = checked.data;
    await writeDurably(this.bundleFile, facts.bundle, 0o644);
    await writeDurably(this.#file, `${JSON.stringify(checked.data)}\n`, 0o644);
    return before === undefined || sameMembership(before, facts) ? 'same' : 'other';
  }
}

function sameMembership(one: ClustersetFacts, other: ClustersetFacts): boolean {
  return (
    one.cluster === other.cluster &&
    one.clusterset === other.clusterset &&
    one.locality.region === other.locality.region &&
    one.locality.zone === other.locality.zone
  );
}

function parse(text: string | undefined): ClustersetFacts | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch (failure) {
    if (failure instanceof SyntaxError) return undefined;
    throw failure;
  }
}
