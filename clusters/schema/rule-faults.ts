import { POLICY_BOUNDS } from '../../federation/model/policy.ts';
import { TOO_LONG } from './duration.ts';

/** Collects what of one rule is not supported, each with its place: such a rule must not hold as if it were not there. */
export class RuleFaults {
  readonly #found: string[];
  readonly #prefix: string;

  constructor(prefix = '', found: string[] = []) {
    this.#prefix = prefix;
    this.#found = found;
  }

  get all(): readonly string[] {
    return this.#found;
  }

  add(fault: string): void {
    this.#found.push(`${this.#prefix}${fault}`);
  }

  /** The same collection, for what stands at `where`. */
  within(where: string): RuleFaults {
    return new RuleFaults(`${this.#prefix}${where}.`, this.#found);
  }

  /** Tells of a time that is longer than gateways take. */
  notTooLong(timeMs: number | undefined, where: string): void {
    if ((timeMs ?? 0) > POLICY_BOUNDS.longestMs) this.add(`${where} ${TOO_LONG}`);
  }

  /** Tells of fields beyond the known ones: of a newer standard, or mistyped. */
  only(object: object, known: readonly string[], where: string): void {
    for (const [name, value] of Object.entries(object)) {
      if (known.includes(name) || value === undefined || value === null) continue;
      this.add(`${where === '' ? '' : `${where}.`}${name} is not supported`);
    }
  }
}
