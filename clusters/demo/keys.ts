import type { DemoCluster } from './demo-cluster.ts';
import type { DemoWorld } from './demo-world.ts';
import { askEcho, renderTable } from './live-table.ts';
import { LOST } from './topology.ts';

const ROUND_MS = 1_000;
const HELP = 'keys: k kill, f freeze, r return, q quit';

/** What the lost cluster is doing. */
type Condition = 'up' | 'killed' | 'frozen' | 'changing';

/** Shows who serves whom once a second, until the returned function is called. */
export function showTable(world: DemoWorld, write: (text: string) => void): () => void {
  const names = [...world.clusters.keys()];
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    const asked = [...world.clusters.values()].map((one) => askEcho(one.name, one.plan.ports.http));
    void Promise.all(asked)
      .then((rows) => write(`\n${renderTable(rows, names)}\n`))
      .finally(() => {
        busy = false;
      });
  }, ROUND_MS);
  return () => clearInterval(timer);
}

/** Lets the person at the terminal lose a cluster and bring it back; resolves on `q` or Ctrl-C. */
export function playByKeys(world: DemoWorld, write: (text: string) => void): Promise<void> {
  const player = new KeyPlayer(world.cluster(LOST), write);
  write(`${HELP}\n`);
  const { stdin } = process;
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.resume();
  return new Promise((resolve) => {
    const leave = (): void => {
      stdin.off('data', press);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      resolve();
    };
    const press = (keys: Buffer): void => {
      for (const key of keys.toString('latin1')) {
        // In raw mode Ctrl-C is a byte, not a signal.
        if (key === 'q' || key === '\u0003') leave();
        else player.press(key);
      }
    };
    stdin.on('data', press);
    process.once('SIGINT', leave);
    process.once('SIGTERM', leave);
  });
}

class KeyPlayer {
  readonly #cluster: DemoCluster;
  readonly #write: (text: string) => void;
  #condition: Condition = 'up';

  constructor(cluster: DemoCluster, write: (text: string) => void) {
    this.#cluster = cluster;
    this.#write = write;
  }

  press(key: string): void {
    if (key === 'k' && this.#condition === 'up') this.#change('killed', () => this.#cluster.kill());
    else if (key === 'f' && this.#condition === 'up')
      this.#change('frozen', async () => this.#cluster.freeze());
    else if (key === 'r' && this.#condition === 'killed') this.#change('up', () => this.#cluster.start());
    else if (key === 'r' && this.#condition === 'frozen')
      this.#change('up', async () => this.#cluster.thaw());
    else this.#write(`${this.#cluster.name} is ${this.#condition}; ${HELP}\n`);
  }

  #change(next: Condition, change: () => Promise<void>): void {
    const before = this.#condition;
    this.#condition = 'changing';
    change().then(
      () => {
        this.#condition = next;
        this.#write(`\n*** ${this.#cluster.name}: ${next}\n`);
      },
      (failure: unknown) => {
        this.#condition = before;
        this.#write(`\n*** ${failure instanceof Error ? failure.message : String(failure)}\n`);
      },
    );
  }
}
