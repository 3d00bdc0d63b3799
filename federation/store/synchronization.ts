import type { ClusterName } from '../model/cluster.ts';
import { digestOf } from './digest.ts';
import type { StoredRecord, StoredSet } from './driver.ts';
import { failureText } from './failure-text.ts';
import { type HeadContent, type HeadVerifier, parseHead } from './head.ts';

/** What a new leader makes of what stands in the store under its cluster's name. */
export type Finding =
  /** Its own cluster's word, whole: only what differs from it has to be written. */
  | {
      readonly kind: 'adopt';
      readonly head: Uint8Array;
      readonly version: number;
      readonly records: readonly StoredRecord[];
    }
  /** A head of its own cluster is later than its own epoch: it needs a higher one, or readers refuse it. */
  | { readonly kind: 'higher-epoch'; readonly epoch: number }
  | { readonly kind: 'replace'; readonly reason: string };

export interface OwnWord {
  readonly cluster: ClusterName;
  readonly verifier: HeadVerifier;
  /** The epoch that the leader has now. */
  readonly epoch: number;
  /** Readers refuse a later one: a head that has it was made with a wrong clock. */
  readonly maximumEpoch: number;
  /** The newest head that this process knows of: anything older in the store was restored. */
  readonly newest: { readonly epoch: number; readonly version: number } | undefined;
}

export function judgeStored(set: StoredSet, own: OwnWord): Finding {
  if (set.head === undefined) return { kind: 'replace', reason: 'the store has no head of this cluster' };
  let content: HeadContent;
  try {
    content = parseHead(own.verifier.verify(set.head, own.cluster));
  } catch (failure) {
    return {
      kind: 'replace',
      reason: `the head in the store is not this cluster's: ${failureText(failure)}`,
    };
  }
  if (content.epoch >= own.maximumEpoch) {
    return { kind: 'replace', reason: 'the head in the store has an epoch far in the future' };
  }
  if (content.epoch > own.epoch) return { kind: 'higher-epoch', epoch: content.epoch };
  if (isOlder(content, own.newest))
    return { kind: 'replace', reason: 'the store has an older head of this cluster' };
  if (digestOf(set.records) !== content.digest) {
    return { kind: 'replace', reason: 'the services in the store are not those that their head covers' };
  }
  return { kind: 'adopt', head: set.head, version: content.version, records: set.records };
}

/** A head from the store, where it is this cluster's and may be its last word; undefined for any other, and after it left. */
export function ownHead(
  head: Uint8Array,
  { cluster, verifier, maximumEpoch }: Pick<OwnWord, 'cluster' | 'verifier' | 'maximumEpoch'>,
): HeadContent | undefined {
  try {
    const content = parseHead(verifier.verify(head, cluster));
    return content.epoch < maximumEpoch && content.left !== true ? content : undefined;
  } catch {
    // Who leads tells of it when it writes over it.
    return undefined;
  }
}

/** Within its epoch a version is used once; under a new epoch readers take any. */
function isOlder(content: HeadContent, newest: OwnWord['newest']): boolean {
  if (newest === undefined) return false;
  return content.epoch < newest.epoch || (content.epoch === newest.epoch && content.version < newest.version);
}
