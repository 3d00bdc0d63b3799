/** That a cluster is to get no more traffic. Times are Unix ms. */
export interface DrainOrder {
  /** undefined = from when it is first seen; before any look at the cluster: long ago. */
  readonly sinceMs: number | undefined;
  /** 0 = at once. */
  readonly overMs: number;
}

/**
 * What a drain leaves of a cluster's share, by this value and the clock alone: so all gateways agree on it, and a
 * restart changes nothing.
 */
export type Drain =
  /** From `fromPercent` evenly down to nothing; a `sinceMs` to come begins it then. */
  | {
      readonly kind: 'draining';
      readonly sinceMs: number;
      readonly overMs: number;
      /** Whole percent, 100 unless it was on its way back when the drain began. */
      readonly fromPercent: number;
    }
  /** The drain was taken back: the share grows by the failback policy's steps, and never falls below `fromPercent`. */
  | { readonly kind: 'returning'; readonly sinceMs: number; readonly fromPercent: number };

export const MAX_DRAIN_MS = 86_400_000;
