import type { Clock } from '../runtime/clock.ts';
import { Saver } from '../runtime/saver.ts';
import { ListenPorts, type PortRange, type PortTarget } from '../snapshot/listen-ports.ts';
import type { PortBook } from './port-book.ts';

export interface SharedPortsOptions {
  readonly book: PortBook;
  readonly range: PortRange;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

const SAVE_DELAY_MS = 20;
const READ_EVERY_MS = 2000;

/**
 * The ports of this cluster's services, kept in a book that all replicas of the federation service share. Only the
 * leader gives and takes ports; the others read what it wrote, so that a port is the same service on every gateway.
 */
export class SharedPorts {
  readonly #options: SharedPortsOptions;
  readonly #saver: Saver;
  #ports: ListenPorts;
  #role: 'following' | 'taking-over' | 'leading' = 'following';
  #owesRelease = false;
  readonly #listeners = new Set<() => void>();
  #exhausted = false;
  #cancelRead: () => void = () => {};
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: SharedPortsOptions, ports: ListenPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#saver = new Saver(options.clock, SAVE_DELAY_MS, () => options.book.write(this.#ports.grants));
    this.#readLater();
  }

  /** @throws UserError when the book cannot be understood. */
  static async open(options: SharedPortsOptions): Promise<SharedPorts> {
    return new SharedPorts(options, new ListenPorts(options.range, await options.book.read(false)));
  }

  get problems(): readonly string[] {
    const { book, range } = this.#options;
    const unsaved = this.#saver.problem.value;
    return [
      ...(unsaved === undefined ? [] : [`${book.name}: the service ports cannot be saved: ${unsaved}`]),
      ...(this.#exhausted
        ? [`no service port is free in ${range.from} to ${range.to}: widen servicePorts`]
        : []),
    ];
  }

  /** Calls back when ports came or changed other than by `claim`: every service is to be looked at again. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A new leader first reads what the one before it wrote. */
  setLeading(leading: boolean): void {
    if (leading === (this.#role !== 'following')) return;
    this.#role = leading ? 'taking-over' : 'following';
    this.#owesRelease = leading;
    this.#read();
  }

  claim(target: PortTarget, nowMs: number): number | undefined {
    const known = this.#ports.get(target);
    if (known !== undefined || this.#role !== 'leading') return known;
    const port = this.#ports.claim(target, nowMs);
    this.#exhausted = port === undefined;
    this.#saver.changed();
    return port;
  }

  release(target: PortTarget, nowMs: number): void {
    if (this.#role !== 'leading') return;
    this.#ports.release(target, nowMs);
    this.#saver.changed();
  }

  /** It leads, and has yet to release what went away while no replica did. */
  get owesRelease(): boolean {
    return this.#owesRelease && this.#role === 'leading';
  }

  /**
   * Releases, once in a leader's term, all that is not among `live`. An empty set releases nothing: where there were
   * services there is hardly none now, and a port that is kept for nobody does no harm.
   */
  releaseExcept(live: ReadonlySet<PortTarget>, nowMs: number): void {
    if (!this.owesRelease || live.size === 0) return;
    this.#owesRelease = false;
    this.#ports.releaseExcept(live, nowMs);
    this.#saver.changed();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRead();
    await this.#reading;
    await this.#saver.close();
  }

  #readLater(): void {
    this.#cancelRead();
    if (!this.#closed && this.#role !== 'leading') {
      this.#cancelRead = this.#options.clock.after(READ_EVERY_MS, () => this.#read());
    }
  }

  #read(): void {
    this.#reading = this.#reading.then(() => this.#readNow());
  }

  async #readNow(): Promise<void> {
    if (this.#role === 'leading') return;
    const { book, range, warn } = this.#options;
    const takingOver = this.#role === 'taking-over';
    try {
      // What could not be saved is not in the book: better to keep it than to read it away.
      const saved = await this.#saver.flush();
      const readable = saved || book.mustBeRead;
      const ports = readable ? new ListenPorts(range, await book.read(takingOver)) : this.#ports;
      if (!this.#closed) this.#take(ports, takingOver);
    } catch (failure) {
      warn(failure instanceof Error ? failure.message : String(failure));
      if (!this.#closed && !book.mustBeRead) this.#take(this.#ports, takingOver);
    }
    this.#readLater();
  }

  /** @param takingOver what was asked for: the role may be another one by now */
  #take(ports: ListenPorts, takingOver: boolean): void {
    const same = JSON.stringify(ports.grants) === JSON.stringify(this.#ports.grants);
    const tookOver = takingOver && this.#role === 'taking-over';
    if (!same) this.#ports = ports;
    if (tookOver) this.#role = 'leading';
    if (same && !tookOver) return;
    for (const listener of [...this.#listeners]) listener();
  }
}
