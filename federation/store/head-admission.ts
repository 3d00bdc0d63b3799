import type { ClusterName } from '../model/cluster.ts';
import { failureText } from './failure-text.ts';
import { type HeadContent, type HeadVerifier, parseHead } from './head.ts';
import { MAX_AHEAD_MS, MAX_HEAD_BYTES } from './limits.ts';

/** The newest head of a cluster that was ever accepted: nothing earlier is taken again. */
export interface HighWaterMark {
  readonly epoch: number;
  readonly version: number;
}

export function compareMarks(a: HighWaterMark, b: HighWaterMark): number {
  return a.epoch - b.epoch || a.version - b.version;
}

/** What a cluster's key holds is forged, turned back or malformed. The message is for its `problem`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  /** It is not signed by whom the roots of the clusterset vouch for. */
  readonly untrusted: boolean;

  constructor(message: string, { cause, untrusted = false }: { cause?: unknown; untrusted?: boolean } = {}) {
    super(message, { cause });
    this.untrusted = untrusted;
  }
}

/**
 * The head, when `cluster` itself signed it and it is not from the future.
 * @throws Refusal
 */
export function admitHead(
  signed: Uint8Array,
  reader: {
    readonly cluster: ClusterName;
    readonly verifier: HeadVerifier;
    /** Unix ms. */
    readonly nowMs: number;
  },
): HeadContent {
  if (signed.length > MAX_HEAD_BYTES) throw new Refusal(`its head is longer than ${MAX_HEAD_BYTES} bytes`);
  const what = 'its head is not acceptable';
  const verify = (): Uint8Array => reader.verifier.verify(signed, reader.cluster);
  const payload = refuseOnError(what, verify, true);
  const head = refuseOnError(what, () => parseHead(payload));
  if (head.cluster !== reader.cluster) throw new Refusal(`its head speaks for cluster ${head.cluster}`);
  const aheadMs = Math.max(head.epoch, head.issuedAtMs) - reader.nowMs;
  if (aheadMs > MAX_AHEAD_MS) {
    throw new Refusal(`its head is ${Math.round(aheadMs / 1000)} s in the future: a clock is wrong`);
  }
  return head;
}

/** @throws Refusal when the head turns back what was already read. */
export function refuseOlder(head: HeadContent, mark: HighWaterMark): void {
  if (compareMarks(head, mark) >= 0) return;
  throw new Refusal(
    `the store has an older head of it (epoch ${head.epoch}, version ${head.version}) than was already read`,
  );
}

/** Runs a check of outside input whose every error means that the input is refused. */
export function refuseOnError<T>(what: string, check: () => T, untrusted = false): T {
  try {
    return check();
  } catch (failure) {
    throw new Refusal(`${what}: ${failureText(failure)}`, { cause: failure, untrusted });
  }
}
