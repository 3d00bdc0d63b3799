import { Finding, type FindingKind } from './finding.ts';
import { TARGETS, type TargetName } from './targets.ts';
import { textOf, Workbench } from './workbench.ts';

/** A case that once failed: it is tried first ever after. */
export interface CorpusEntry {
  readonly target: TargetName;
  readonly seed: number;
  readonly why: string;
}

export interface Failure {
  readonly target: TargetName;
  readonly seed: number;
  readonly kind: FindingKind;
  readonly message: string;
}

/** Runs cases one after the other, all targets in turn. */
export class FuzzCampaign {
  readonly cases: Record<TargetName, number> = {
    'http1-server': 0,
    'http1-client': 0,
    'http2-server': 0,
    'http2-client': 0,
    hpack: 0,
  };
  readonly failures: Failure[] = [];
  #bench = new Workbench();

  get total(): number {
    return Object.values(this.cases).reduce((sum, count) => sum + count, 0);
  }

  count(kind: FindingKind): number {
    return this.failures.filter((failure) => failure.kind === kind).length;
  }

  /** One case of each target. */
  async round(seed: number): Promise<void> {
    for (const target of Object.keys(TARGETS) as TargetName[]) await this.run(target, seed);
  }

  async run(target: TargetName, seed: number): Promise<void> {
    this.cases[target]++;
    let thrown: unknown;
    const uncaught = (error: unknown): void => {
      thrown ??= error;
    };
    process.on('uncaughtException', uncaught);
    try {
      await TARGETS[target](this.#bench, seed);
    } catch (error) {
      thrown ??= error;
    } finally {
      process.off('uncaughtException', uncaught);
    }
    if (thrown === undefined) return;
    const kind = thrown instanceof Finding ? thrown.kind : 'uncaught';
    this.failures.push({ target, seed, kind, message: textOf(thrown) });
    // What this case has left must not be held against the next.
    this.close();
    this.#bench = new Workbench();
  }

  close(): void {
    this.#bench.close();
  }
}
