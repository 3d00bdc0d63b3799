import { isDeepStrictEqual } from 'node:util';
import type { Maglev, RingHash } from '../../../federation/model/traffic-policy.ts';
import type { LocalDestination } from '../destination.ts';
import type { LocalEndpoint } from '../local-endpoint.ts';
import { Rotating } from '../rotating.ts';
import type { Balancer, Balancing } from './balancer.ts';
import { type HashedHost, type HashTable, hashOfKey, sameHosts } from './hash-table.ts';
import { maglevTable } from './maglev.ts';
import { rendezvousScore } from './rendezvous.ts';
import { ringTable } from './ring-hash.ts';

/** Further than this along a table a fit host is not looked for: nearly all are unfit then. */
const MAX_STEPS = 64;

const ABSENT = -1;

/**
 * The same hash leads to the same endpoint, in all gateways and workers. The tables hold every endpoint there is, fit
 * or not, so that they are built anew only when endpoints come or go.
 */
export class HashedBalancing implements Balancing {
  readonly #policy: RingHash | Maglev;
  readonly #random: () => number;
  readonly #byLocality: ReadonlyMap<string, HashTable>;

  /** @param before of the snapshot before: its tables are taken over where they still hold */
  constructor(
    policy: RingHash | Maglev,
    endpoints: readonly LocalEndpoint[],
    before: Balancing | undefined,
    random: () => number,
  ) {
    this.#policy = policy;
    this.#random = random;
    const known =
      before instanceof HashedBalancing && isDeepStrictEqual(before.#policy, policy) ? before : undefined;
    const byLocality = new Map<string, HashTable>();
    for (const [locality, own] of Map.groupBy(endpoints, ({ localityKey }) => localityKey)) {
      const hosts = hostsOf(own);
      byLocality.set(locality, tableFor(policy, hosts, known?.tableOf(locality)));
    }
    this.#byLocality = byLocality;
  }

  /** undefined where there is no endpoint. */
  tableOf(locality: string): HashTable | undefined {
    return this.#byLocality.get(locality);
  }

  over(candidates: readonly LocalDestination[], locality: string | undefined): Balancer {
    if (candidates.length === 0) throw new RangeError('no endpoint to choose from');
    if (locality !== undefined) return this.#within(candidates, locality);
    const byLocality = [...Map.groupBy(candidates, ({ endpoint }) => endpoint.localityKey)];
    const balancers = byLocality.map(([key, own]) => this.#within(own, key));
    const weights = byLocality.map(([, own]) => own.reduce((sum, { endpoint }) => sum + endpoint.weight, 0));
    const names = byLocality.map(([key]) => key);
    return new LocalityBalancer(new Rotating(balancers, weights, names), this.#random);
  }

  #within(candidates: readonly LocalDestination[], locality: string): Balancer {
    const table = this.#byLocality.get(locality);
    if (table === undefined) throw new RangeError(`no endpoint in ${locality}`);
    return new HashedBalancer(candidates, table, this.#random);
  }
}

/** First a locality, by weighted rendezvous, then one of its endpoints: a table of all would be built in vain mostly. */
class LocalityBalancer implements Balancer {
  readonly #localities: Rotating<Balancer>;
  readonly #random: () => number;

  constructor(localities: Rotating<Balancer>, random: () => number) {
    this.#localities = localities;
    this.#random = random;
  }

  pick(nowMs: number, hash: number | undefined): LocalDestination {
    const key = hash ?? randomHash(this.#random);
    const balancer = this.#localities.at(key);
    if (balancer === undefined) throw new RangeError('no endpoint that weighs anything');
    return balancer.pick(nowMs, key);
  }
}

class HashedBalancer implements Balancer {
  readonly #candidates: readonly LocalDestination[];
  readonly #names: Uint32Array;
  readonly #table: HashTable;
  readonly #random: () => number;
  /** By index of the table's host, that of the candidate. */
  readonly #fit: Int32Array;

  constructor(candidates: readonly LocalDestination[], table: HashTable, random: () => number) {
    this.#candidates = candidates;
    this.#names = Uint32Array.from(candidates, ({ endpoint }) => hashOfKey(endpoint.address));
    this.#table = table;
    this.#random = random;
    const indexes = new Map(candidates.map(({ endpoint }, index) => [endpoint.address, index]));
    this.#fit = Int32Array.from(table.hosts, ({ address }) => indexes.get(address) ?? ABSENT);
  }

  pick(_nowMs: number, hash: number | undefined): LocalDestination {
    const key = hash ?? randomHash(this.#random);
    const table = this.#table;
    let slot = table.slotOf(key);
    for (let step = 0; step < MAX_STEPS; step++) {
      const candidate = this.#fit[table.hostAt(slot)] as number;
      if (candidate !== ABSENT) return this.#candidates[candidate] as LocalDestination;
      slot = slot + 1 === table.slots ? 0 : slot + 1;
    }
    return this.#highestOf(key);
  }

  /** Where nearly all are unfit: those that are left are few, and share the hashes by rendezvous. */
  #highestOf(key: number): LocalDestination {
    let chosen = 0;
    let highest = -1;
    for (let index = 0; index < this.#candidates.length; index++) {
      const { weight } = (this.#candidates[index] as LocalDestination).endpoint;
      const score = rendezvousScore(key, this.#names[index] as number, weight);
      if (score <= highest) continue;
      highest = score;
      chosen = index;
    }
    return this.#candidates[chosen] as LocalDestination;
  }
}

function tableFor(
  policy: RingHash | Maglev,
  hosts: readonly HashedHost[],
  known: HashTable | undefined,
): HashTable {
  if (known !== undefined && sameHosts(known.hosts, hosts)) return known;
  return policy.kind === 'maglev' ? maglevTable(hosts, policy.tableSize) : ringTable(hosts, policy);
}

function randomHash(random: () => number): number {
  return Math.floor(random() * 2 ** 32);
}

/** In one order for all gateways. */
function hostsOf(endpoints: readonly LocalEndpoint[]): readonly HashedHost[] {
  const byAddress = new Map(endpoints.map(({ address, weight }) => [address, { address, weight }]));
  return [...byAddress.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}
