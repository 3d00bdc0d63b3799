import { join } from 'node:path';
import type { SpiffeId } from '../federation/model/identity.ts';
import { UserError } from '../federation/model/user-error.ts';
import { type BackoffPolicy, backoffMs } from '../federation/runtime/backoff.ts';
import type { Clock } from '../federation/runtime/clock.ts';
import { writeDurably } from '../federation/runtime/durable-file.ts';
import { type Readable, Watchable } from '../federation/runtime/watchable.ts';
import { createCsr } from './csr.ts';
import { generateKeyPair } from './key.ts';
import { PemError, parsePem, toPem } from './pem.ts';
import { type Svid, svidFromChain } from './svid.ts';
import { SvidError } from './svid-error.ts';
import { readTrustFile } from './trust-file.ts';

export interface SvidSourceOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** Has the request signed; gives the chain, leaf first, DER. A failure is tried again. */
  readonly issue: (csrDer: Uint8Array) => Promise<readonly Uint8Array[]>;
  readonly id: SpiffeId;
  readonly dnsNames: readonly string[];
  /** Where key and SVID are kept over restarts; undefined = nowhere. */
  readonly folder?: string;
}

/** Key and chain in one file, so that one rename replaces both. */
const SVID_FILE = 'svid.pem';
const ISSUE_TIMEOUT_MS = 30_000;
const RETRY: BackoffPolicy = { baseMs: 500, maxMs: 30_000 };
/** Without any SVID nothing works, and nobody has time. */
const FIRST_RETRY: BackoffPolicy = { baseMs: 500, maxMs: 5_000 };
const RENEWAL_JITTER = 0.1;
/** The nearer its issuer's end, the shorter an SVID lives: half of nearly nothing must not become a busy loop. */
const MIN_RENEWAL_MS = 5000;

/**
 * Keeps an SVID of one identity at hand: from disk at first, then issued, and renewed with a fresh key at half of
 * its life ±10 %. While nobody issues, the old one stays, and stays the value even when it has expired: whoever
 * uses it sees `notAfterMs`.
 */
export class SvidSource {
  readonly #options: SvidSourceOptions;
  readonly #svid = new Watchable<Svid | undefined>(undefined);
  readonly #problem = new Watchable<string | undefined>(undefined);
  #cancelTimer: () => void = () => {};
  #attempt = 0;
  readonly #end = new AbortController();
  #renewal: Promise<void> = Promise.resolve();

  constructor(options: SvidSourceOptions) {
    this.#options = options;
  }

  /** undefined until the first one is there. */
  get svid(): Readable<Svid | undefined> {
    return this.#svid;
  }

  /** Why there is no fresh SVID, or why it is not on disk; undefined while all is well. */
  get problem(): Readable<string | undefined> {
    return this.#problem;
  }

  /** Time until the SVID expires, negative afterwards; undefined without one. */
  expiresInMs(): number | undefined {
    const svid = this.#svid.value;
    return svid && svid.notAfterMs - this.#options.clock.now();
  }

  /**
   * Reads what is on disk and begins to have one issued if that is missing, damaged or due.
   * @returns once the disk was read
   * @throws UserError when the file is of another identity, or others can read it.
   */
  async start(): Promise<void> {
    const stored = await this.#load();
    if (this.#closed) return;
    if (stored === undefined) this.#renew();
    else this.#use(stored, 0);
  }

  /** Ends the renewal; an answer still under way is dropped. */
  async close(): Promise<void> {
    this.#end.abort();
    this.#cancelTimer();
    await this.#renewal;
  }

  get #closed(): boolean {
    return this.#end.signal.aborted;
  }

  #use(svid: Svid, minDelayMs: number): void {
    const { clock, random } = this.#options;
    this.#attempt = 0;
    this.#schedule(Math.max(minDelayMs, renewalAtMs(svid, random) - clock.now()));
    this.#svid.set(svid);
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer = this.#options.clock.after(Math.max(0, delayMs), () => this.#renew());
  }

  #renew(): void {
    this.#renewal = this.#renewOnce().catch((failure: unknown) => this.#retry(failure));
  }

  async #renewOnce(): Promise<void> {
    const { id, dnsNames, clock } = this.#options;
    const keyPair = await generateKeyPair();
    const chainDer = await this.#issueInTime(await createCsr({ keyPair, id, dnsNames }));
    if (this.#closed) return;
    const svid = svidFromChain(chainDer, keyPair.privateKeyPem, clock.now());
    if (svid.id.text !== id.text) {
      throw new SvidError('unexpected-identity', `asked for ${id.text}, got ${svid.id.text}`);
    }
    this.#problem.set(await this.#save(svid));
    if (!this.#closed) this.#use(svid, MIN_RENEWAL_MS);
  }

  #retry(failure: unknown): void {
    if (this.#closed) return;
    this.#problem.set(`no new SVID for ${this.#options.id.text}: ${messageOf(failure)}`);
    const policy = this.#svid.value === undefined ? FIRST_RETRY : RETRY;
    this.#schedule(backoffMs(policy, this.#attempt, this.#options.random));
    this.#attempt += 1;
  }

  #issueInTime(csrDer: Uint8Array): Promise<readonly Uint8Array[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Uint8Array[]>();
    const cancel = this.#options.clock.after(ISSUE_TIMEOUT_MS, () => {
      reject(new Error(`the issuer did not answer in ${ISSUE_TIMEOUT_MS / 1000} s`));
    });
    const abandon = (): void => reject(new Error('closed'));
    this.#end.signal.addEventListener('abort', abandon, { once: true });
    this.#options.issue(csrDer).then(resolve, reject);
    return promise.finally(() => {
      cancel();
      this.#end.signal.removeEventListener('abort', abandon);
    });
  }

  /** @returns the problem, if any: the SVID is used all the same. */
  async #save(svid: Svid): Promise<string | undefined> {
    if (this.#options.folder === undefined) return undefined;
    const path = join(this.#options.folder, SVID_FILE);
    try {
      await writeDurably(path, svid.privateKeyPem + svid.certificateChainPem);
      return undefined;
    } catch (failure) {
      return `${path}: the new SVID could not be kept: ${messageOf(failure)}`;
    }
  }

  async #load(): Promise<Svid | undefined> {
    const { folder, id, clock } = this.#options;
    if (folder === undefined) return undefined;
    const path = join(folder, SVID_FILE);
    const text = await readTrustFile(path, 'secret');
    if (text === undefined) return undefined;
    const svid = this.#parse(path, text, clock.now());
    if (svid !== undefined && svid.id.text !== id.text) {
      throw new UserError(`${path}: belongs to ${svid.id.text}, and this is ${id.text}`, {
        hint: 'give each cluster a state folder of its own, or remove this one if the cluster is gone',
      });
    }
    return svid;
  }

  /** A damaged or expired file is no reason not to start: another SVID replaces it. */
  #parse(path: string, text: string, nowMs: number): Svid | undefined {
    try {
      return svidFromFile(text, nowMs);
    } catch (failure) {
      if (!(failure instanceof SvidError) && !(failure instanceof PemError)) throw failure;
      this.#problem.set(`${path}: the stored SVID cannot be used: ${failure.message}`);
      return undefined;
    }
  }
}

function svidFromFile(text: string, nowMs: number): Svid {
  const blocks = parsePem(text);
  const key = blocks.find((block) => block.label === 'PRIVATE KEY');
  const chain = blocks.filter((block) => block.label === 'CERTIFICATE').map((block) => block.der);
  if (key === undefined) throw new PemError('there is no PRIVATE KEY block');
  return svidFromChain(chain, toPem('PRIVATE KEY', key.der), nowMs);
}

/** Half of the life, ±10 %, so that a fleet that started together does not renew together. */
function renewalAtMs(svid: Svid, random: () => number): number {
  const halfMs = (svid.notAfterMs - svid.notBeforeMs) / 2;
  return svid.notBeforeMs + halfMs * (1 - RENEWAL_JITTER + 2 * RENEWAL_JITTER * random());
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
