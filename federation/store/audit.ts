import type { ClusterName } from '../model/cluster.ts';
import type { ServiceKey } from '../model/service.ts';
import type { StoreDriver } from './driver.ts';
import type { Publication } from './publication.ts';

const FIELDS_PER_AUDIT = 64;

/**
 * Looks, a few fields at a time, whether the store still has what was written: a record that somebody altered
 * stands under a head that nobody touched, and would be found only by a reader that starts afresh. So would a
 * name that was taken out of `members`.
 */
export class Audit {
  readonly #driver: StoreDriver;
  readonly #cluster: ClusterName;
  readonly #publication: Publication;
  readonly #everyMs: number;
  #remaining: ServiceKey[] = [];
  #dueMs = Number.NEGATIVE_INFINITY;

  constructor(driver: StoreDriver, cluster: ClusterName, publication: Publication, everyMs: number) {
    this.#driver = driver;
    this.#cluster = cluster;
    this.#publication = publication;
    this.#everyMs = everyMs;
  }

  /** What is wrong, or undefined; too soon after the last look, nothing is looked at. `nowMs` is monotonic. */
  async next(nowMs: number): Promise<string | undefined> {
    if (nowMs < this.#dueMs) return undefined;
    this.#dueMs = nowMs + this.#everyMs;
    if (this.#remaining.length === 0) {
      await this.#driver.addMember(this.#cluster);
      this.#remaining = [...this.#publication.stored.keys()];
    }
    const fields = this.#remaining.splice(-FIELDS_PER_AUDIT);
    if (fields.length === 0) return undefined;
    const found = await this.#driver.readRecords(this.#cluster, fields);
    const altered = fields.find((field, index) => {
      const expected = this.#publication.stored.get(field);
      return found[index]?.text !== expected?.text || found[index]?.version !== expected?.version;
    });
    return altered === undefined
      ? undefined
      : `the store's record of ${altered} is not the one that was written`;
  }
}
