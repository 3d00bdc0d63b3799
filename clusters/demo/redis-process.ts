import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { untilListening } from './probe.ts';
import type { GroupedProcess, ProcessNursery } from './process-group.ts';

const START_TIMEOUT_MS = 10_000;

/** A `redis-server` of the demo's own: an ACL file, a password for the default user, nothing kept on disk. */
export class DemoRedis {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly password = randomBytes(18).toString('base64url');
  readonly #folder: string;
  readonly #nursery: ProcessNursery;
  #process: GroupedProcess | undefined;

  constructor(nursery: ProcessNursery, folder: string, port: number) {
    this.#nursery = nursery;
    this.#folder = folder;
    this.port = port;
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  /** Writes its configuration and starts it. The passwords are in files only, never in argv. */
  async create(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const aclFile = join(this.#folder, 'users.acl');
    const settings = [
      `bind ${this.host}`,
      `port ${this.port}`,
      `dir ${this.#folder}`,
      `aclfile ${aclFile}`,
      'save ""',
      'appendonly no',
      'daemonize no',
    ];
    await writeFile(aclFile, `user default on >${this.password} ~* &* +@all\n`, { mode: 0o600 });
    await writeFile(join(this.#folder, 'redis.conf'), `${settings.join('\n')}\n`, { mode: 0o600 });
    await this.start();
  }

  /** Starts it (again): its users come back from the ACL file, its data do not. */
  async start(): Promise<void> {
    const log = join(this.#folder, 'redis.log');
    const started = this.#nursery.start(
      'redis-server',
      'redis-server',
      [join(this.#folder, 'redis.conf')],
      log,
    );
    this.#process = started;
    await untilListening(started, this.host, this.port, { log, timeoutMs: START_TIMEOUT_MS });
  }

  /** As a crash: SIGKILL, and everything that it held is gone. */
  async kill(): Promise<void> {
    this.#process?.signal('SIGKILL');
    await this.#process?.ended;
  }
}
