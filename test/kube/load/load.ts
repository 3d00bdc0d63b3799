/**
 * A load in a pod: `load.ts URL REQUESTS_PER_SECOND`. An open loop over kept connections, nothing tried again, every
 * fifth request a POST. Prints a `LoadSlot` for each tenth of a second, in order, each when all its requests have ended.
 * Only what Node itself has may be imported: the file is all that the pod gets.
 */
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { Agent, type RequestOptions, request } from 'node:http';
import type { LookupFunction } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadSlot } from './load-window.ts';

const SLOT_MS = 100;
const POST_EVERY = 5;
/** Far beyond any bound that is asked for: only a lost answer runs into it. */
const GIVE_UP_MS = 15_000;
/** Shorter than the time for which a gateway that ends leaves silent connections open, so that none closes under a request. */
const IDLE_MS = 4_000;
const LOOK_AGAIN_MS = 500;
const BODY = 'one espresso';

interface OpenSlot {
  readonly told: LoadSlot;
  open: number;
}

class Load {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #slots: OpenSlot[] = [];
  #sent = 0;

  constructor(url: string, lookup: LookupFunction) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 512, timeout: IDLE_MS, lookup });
  }

  /** Requests have fixed times from the start on: a timer that was late catches up. */
  start(requestsPerSecond: number): void {
    const startMs = now();
    const intervalMs = 1_000 / requestsPerSecond;
    setInterval(() => {
      for (let atMs = startMs + this.#sent * intervalMs; atMs <= now(); atMs += intervalMs) {
        this.#sent += 1;
        this.#send(atMs, this.#sent % POST_EVERY === 0);
      }
      this.#tell(now() - 2 * SLOT_MS);
    }, 1);
  }

  #send(atMs: number, post: boolean): void {
    const slot = this.#slotOf(atMs);
    const end = endOf(slot, atMs, post);
    const options: RequestOptions = post
      ? { agent: this.#agent, method: 'POST', headers: { 'content-length': BODY.length } }
      : { agent: this.#agent };
    const sent = request(this.#url, options, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => {
        body += text;
      });
      const status = response.statusCode;
      response.on('end', () => end(status === 200 ? undefined : `${status} ${body.trim()}`, body));
      response.on('error', (error) => end(`in its answer: ${error.message}`));
    });
    sent.setTimeout(GIVE_UP_MS, () => sent.destroy(new Error('no answer')));
    sent.on('error', (error) => end(`${error.message}${sent.reusedSocket ? ' (kept connection)' : ''}`));
    sent.end(post ? BODY : undefined);
  }

  #slotOf(atMs: number): OpenSlot {
    const startMs = Math.floor(atMs / SLOT_MS) * SLOT_MS;
    const last = this.#slots.at(-1);
    if (last?.told.atMs === startMs) return last;
    const told: LoadSlot = { atMs: startMs, sent: 0, slowestMs: 0, by: {}, failed: [], failedPosts: [] };
    const slot = { told, open: 0 };
    this.#slots.push(slot);
    return slot;
  }

  #tell(untilMs: number): void {
    for (;;) {
      const [first] = this.#slots;
      if (first === undefined || first.open > 0 || first.told.atMs > untilMs) return;
      this.#slots.shift();
      console.log(JSON.stringify(first.told));
    }
  }
}

/** Takes what became of a request, once. */
function endOf(slot: OpenSlot, atMs: number, post: boolean): (failure?: string, body?: string) => void {
  const { told } = slot;
  let over = false;
  slot.open += 1;
  told.sent += 1;
  return (failure, body = '') => {
    if (over) return;
    over = true;
    slot.open -= 1;
    told.slowestMs = Math.max(told.slowestMs, Math.round(now() - atMs));
    if (failure !== undefined) {
      (post ? told.failedPosts : told.failed).push(failure);
      return;
    }
    const cluster = body.split(' ')[0] ?? '';
    told.by[cluster] = (told.by[cluster] ?? 0) + 1;
  };
}

/**
 * Looks a name up once, for all connections: two questions from one socket at a time, as a C library asks, are at times
 * lost in connection tracking, and asked again after 5 s.
 */
async function lookedUp(name: string): Promise<LookupFunction> {
  for (;;) {
    try {
      const found: LookupAddress[] = await lookup(name, { all: true });
      return (_, __, done) => done(null, found);
    } catch (error) {
      console.error(String(error));
      await sleep(LOOK_AGAIN_MS);
    }
  }
}

/** Unix ms with fractions, monotonic. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

const [url = '', rate = ''] = process.argv.slice(2);
process.on('SIGTERM', () => process.exit(0));
new Load(url, await lookedUp(new URL(url).hostname)).start(Number(rate));
