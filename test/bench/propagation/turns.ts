import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const MONITOR = join(import.meta.dirname, 'turn-monitor.ts');

/** The turns of one process's event loop, as `turn-monitor.ts` writes them down. */
export class Turns {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What the process is to be started with. */
  get env(): Readonly<Record<string, string>> {
    return {
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${MONITOR}`.trim(),
      ISTHMUS_BENCH_TURNS: this.#path,
    };
  }

  /** Since a moment (Unix ms), in ms; on a machine that is shared, waiting for a CPU is in it. */
  longestMs(sinceMs: number): number {
    if (!existsSync(this.#path)) return 0;
    const lines = readFileSync(this.#path, 'utf8').trim().split('\n');
    const recent = lines.map((line) => line.split(' ').map(Number)).filter(([atMs = 0]) => atMs >= sinceMs);
    return Math.max(0, ...recent.map(([, longestMs = 0]) => longestMs));
  }
}
