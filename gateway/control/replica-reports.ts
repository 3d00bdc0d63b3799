import { hostPort } from '../../federation/model/endpoint.ts';
import { type BackoffPolicy, backoffMs } from '../../federation/runtime/backoff.ts';
import { type Clock, every } from '../../federation/runtime/clock.ts';
import { pause } from '../../federation/runtime/pause.ts';
import { type Readable, Watchable } from '../../federation/runtime/watchable.ts';
import { gatewayStatementToWire } from '../../federation/wire/gateway-message.ts';
import type { HealthReport } from '../../federation/wire/health-report.ts';
import type { Svid } from '../../trust/svid.ts';
import type { ListenAddress } from '../config.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import type { FederationClient, ReportStream } from './federation-client.ts';

export interface ReplicaReportsOptions {
  /** Names that stand for all replicas of the federation service; each may have several addresses. */
  readonly replicas: readonly ListenAddress[];
  /** The addresses of a name. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly dial: (address: ListenAddress, svid: Svid) => Promise<FederationClient>;
  readonly gateway: string;
  readonly softwareVersion: string;
  readonly startedAtMs: number;
  readonly svid: Readable<Svid | undefined>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: OperationLog;
}

/** A replica that starts hears of us as soon as its name is known, which takes a while in any case. */
const LOOK_EVERY_MS = 5000;
/** A replica of an older release knows no Report, and is asked no oftener than this. */
const REDIAL: BackoffPolicy = { baseMs: 200, maxMs: 10_000 };
const LASTED_MS = 5000;

/**
 * Tells every replica of the federation service what this gateway finds, where there are several, for it follows one only:
 * the one that leads speaks for the cluster, of what all gateways find.
 */
export class ReplicaReports {
  readonly #options: ReplicaReportsOptions;
  readonly #lines = new Map<string, ReportLine>();
  readonly #stop: () => void;
  #addresses: ReadonlySet<string> = new Set();
  #looking = false;
  #report: HealthReport | undefined;
  #closed = false;

  constructor(options: ReplicaReportsOptions) {
    this.#options = options;
    this.#look();
    this.#stop = every(options.clock, LOOK_EVERY_MS, () => this.#look());
  }

  report(report: HealthReport): void {
    this.#report = report;
    for (const line of this.#lines.values()) line.say(report);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    // A look that is under way opens nothing any more, and a name server may take long to say nothing.
    await Promise.all([...this.#lines.values()].map((line) => line.close()));
  }

  /** One at a time: a name server that is away must not be asked more and more. */
  #look(): void {
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    this.#find()
      .then(
        (found) => this.#found(found),
        // A name server that is away takes no replica away.
        (failure: unknown) =>
          this.#options.log.debug(
            { reason: String(failure) },
            'the replicas of the federation service are not known anew',
          ),
      )
      .finally(() => {
        this.#looking = false;
      });
  }

  async #find(): Promise<Map<string, ListenAddress>> {
    const found = new Map<string, ListenAddress>();
    for (const { host, port } of this.#options.replicas) {
      for (const address of await this.#options.resolve(host))
        found.set(hostPort(address, port), { host: address, port });
    }
    return found;
  }

  #found(found: Map<string, ListenAddress>): void {
    // The one that there is is followed, and told on that stream.
    if (found.size < 2) found.clear();
    this.#addresses = new Set(found.keys());
    for (const [key, address] of found) if (!this.#closed && !this.#lines.has(key)) this.#open(key, address);
  }

  #open(key: string, address: ListenAddress): void {
    const line = new ReportLine(address, this.#options, {
      report: () => this.#report,
      isWanted: () => this.#addresses.has(key),
    });
    this.#lines.set(key, line);
    line.done.then(() => this.#lines.delete(key));
  }
}

interface Wanted {
  readonly report: () => HealthReport | undefined;
  /** One whose name is gone keeps its stream until that ends, and gets no other. */
  readonly isWanted: () => boolean;
}

/** Streams to one replica, one after another. */
class ReportLine {
  readonly done: Promise<void>;
  readonly #address: ListenAddress;
  readonly #options: ReplicaReportsOptions;
  readonly #wanted: Wanted;
  readonly #closed = new Watchable(false);
  #stream: ReportStream | undefined;
  #toldOf: string | undefined;

  constructor(address: ListenAddress, options: ReplicaReportsOptions, wanted: Wanted) {
    this.#address = address;
    this.#options = options;
    this.#wanted = wanted;
    this.done = this.#run();
  }

  say(report: HealthReport): void {
    const stream = this.#stream;
    if (stream?.writable === true) stream.write(gatewayStatementToWire({ kind: 'health', report }));
  }

  async close(): Promise<void> {
    this.#closed.set(true);
    await this.done;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    let attempt = 0;
    while (!this.#closed.value && this.#wanted.isWanted()) {
      const beganMs = clock.monotonic();
      await this.#once();
      attempt = clock.monotonic() - beganMs >= LASTED_MS ? 0 : attempt + 1;
      if (!this.#closed.value)
        await pause(clock, backoffMs(REDIAL, attempt, random), (end) => this.#closed.watch(end));
    }
  }

  /** One stream from its beginning to its end. */
  async #once(): Promise<void> {
    const { dial, svid } = this.#options;
    const current = svid.value;
    if (current === undefined) return;
    let client: FederationClient | undefined;
    const ends: (() => void)[] = [];
    try {
      client = await dial(this.#address, current);
      const { stream, ended } = client.report();
      ends.push(
        // A renewed SVID is shown by dialling again.
        svid.watch(() => stream.cancel()),
        this.#closed.watch(() => stream.cancel()),
      );
      if (this.#closed.value) stream.cancel();
      this.#hello(stream);
      await ended;
      this.#toldOf = undefined;
    } catch (failure) {
      if (!this.#closed.value && svid.value === current)
        this.#tell(client?.failure(failure).message ?? String(failure));
    } finally {
      this.#stream = undefined;
      for (const end of ends) end();
      client?.close();
    }
  }

  #hello(stream: ReportStream): void {
    const { gateway, softwareVersion, startedAtMs } = this.#options;
    const nothing = { epoch: 0, version: 0, takesPatches: false };
    const hello = { kind: 'hello', gateway, softwareVersion, startedAtMs, ...nothing } as const;
    stream.write(gatewayStatementToWire(hello));
    this.#stream = stream;
    const report = this.#wanted.report();
    if (report !== undefined) this.say(report);
  }

  /** The same reason is told once, not at each try. */
  #tell(reason: string): void {
    if (this.#toldOf === reason) return;
    this.#toldOf = reason;
    this.#options.log.info(
      { reason },
      'a replica of the federation service is not told what this gateway finds',
    );
  }
}
