import { isDeepStrictEqual } from 'node:util';
import type { Maglev, RingHash } from '../../../federation/model/traffic-policy.ts';
import type { LocalDestination } from '../destination.ts';
import type { LocalEndpoint } from '../local-endpoint.ts';
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
  readonly #everywhere: HashTable | undefined;
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
    const [first, ...others] = byLocality.values();
    this.#everywhere =
      others.length === 0 ? first : tableFor(policy, hostsOf(endpoints), known?.tableOf(undefined));
  }

  /** Of a locality, or of all; undefined where there is no endpoint. */
  tableOf(locality: string | undefined): HashTable | undefined {
    return locality === undefined ? this.#everywhere : this.#byLocality.get(locality);
  }

  over(candidates: readonly LocalDestination[], locality: string | undefined): Balancer {
    const table = this.tableOf(locality);
    if (table === undefined || candidates.length === 0) throw new RangeError('no endpoint to choose from');
    return new HashedBalancer(candidates, table, this.#random);
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
    const key = hash ?? Math.floor(this.#random() * 2 ** 32);
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

/** In one order for all gateways. */
function hostsOf(endpoints: readonly LocalEndpoint[]): readonly HashedHost[] {
  const byAddress = new Map(endpoints.map(({ address, weight }) => [address, { address, weight }]));
  return [...byAddress.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}
