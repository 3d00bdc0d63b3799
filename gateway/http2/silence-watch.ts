/** When a peer that owes us responses is asked for a sign of life. */
export interface SilenceLimits {
  /** Without a byte from the peer while streams are open: PING. 0 = never. */
  readonly silenceMs: number;
  /** Without a byte after that PING: the connection is lost. */
  readonly pingTimeoutMs: number;
}

/** What a connection knows of its peer. Times are monotonic ms. */
export interface PeerSigns {
  /** Streams are open. */
  readonly busy: boolean;
  /** Of the last byte. */
  readonly heardAtMs: number;
  /** Changes when HEADERS or DATA come in. */
  readonly messages: number;
  /** Changes when we open a stream. */
  readonly requests: number;
}

const MAX_PINGS = 2;
/** The second one comes late in the silence: what died after the first answer is found, too, before most give up. */
const SECOND_AFTER = 5;
/** A PING this long after the one before is no strike with any gRPC server: their default is 5 minutes. */
const NO_STRIKE_MS = 330_000;
/** It is looked at each second: later than this, we stood still. */
const STANDSTILL_MS = 3_000;

/**
 * Asks a silent peer for a sign of life by PING, and says when none came. gRPC servers count strikes: a PING sooner
 * than five minutes after another is one, and the third ends the connection as too_many_pings (gRPC proposal A8; Tomcat
 * has a count that is alike). Only HEADERS and DATA that the server sends wipe them out; what we send does not, so an
 * upload to a server that says nothing must not renew our two PINGs either. The first PING after HEADERS or DATA is free
 * and the others stay below the third strike even when the connection began, or measured its windows, with a PING.
 */
export class SilenceWatch {
  readonly #limits: SilenceLimits;
  #busySinceMs = -1;
  #lookedAtMs = -1;
  #messages = 0;
  #requests = 0;
  /** Since the last HEADERS or DATA came in. */
  #pings = 0;
  /** Of the last PING; -1 = none yet. */
  #pingedAtMs = -1;
  /** From when on the answer to it has been due; -1 = none is. */
  #waitsSinceMs = -1;

  constructor(limits: SilenceLimits) {
    this.#limits = limits;
  }

  /** To be asked each second. After `ping` the PING must be sent, after `lost` the connection must end. */
  look(nowMs: number, signs: PeerSigns): 'well' | 'ping' | 'lost' {
    if (this.#limits.silenceMs === 0) return 'well';
    const stoodStill = this.#lookedAtMs >= 0 && nowMs - this.#lookedAtMs > STANDSTILL_MS;
    this.#lookedAtMs = nowMs;
    if (!signs.busy) {
      this.#busySinceMs = -1;
      this.#waitsSinceMs = -1;
      return 'well';
    }
    // What was not heard meanwhile says nothing of the peer.
    if (this.#busySinceMs < 0 || stoodStill) this.#busySinceMs = nowMs;
    this.#count(nowMs, signs);
    if (this.#waitsSinceMs >= 0) return this.#waits(nowMs, signs.heardAtMs, stoodStill);
    const sinceMs = Math.max(this.#busySinceMs, signs.heardAtMs);
    const patienceMs = this.#limits.silenceMs * (this.#pings === 0 ? 1 : SECOND_AFTER);
    if (this.#pings >= MAX_PINGS || nowMs - sinceMs < patienceMs) return 'well';
    this.#pings++;
    this.#pingedAtMs = nowMs;
    this.#waitsSinceMs = nowMs;
    this.#requests = signs.requests;
    return 'ping';
  }

  /** How many PINGs there have been that the peer may still hold against us. */
  #count(nowMs: number, { messages, requests }: PeerSigns): void {
    if (messages !== this.#messages) {
      this.#messages = messages;
      this.#pings = 0;
    } else if (this.#pings === MAX_PINGS && requests !== this.#requests) {
      // A stream that is silent for hours used them up, and somebody new relies on the connection.
      if (nowMs - this.#pingedAtMs >= NO_STRIKE_MS) this.#pings = MAX_PINGS - 1;
    }
  }

  #waits(nowMs: number, heardAtMs: number, stoodStill: boolean): 'well' | 'lost' {
    // Time is coarse, and does not move between our PING and what comes in before the next look.
    if (heardAtMs >= this.#pingedAtMs) this.#waitsSinceMs = -1;
    else if (stoodStill) this.#waitsSinceMs = nowMs;
    else if (nowMs - this.#waitsSinceMs >= this.#limits.pingTimeoutMs) return 'lost';
    return 'well';
  }
}
