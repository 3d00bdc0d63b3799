import type { Loads } from './load.ts';

/** Which of a tier's hosts a part of its load is for; `any` in panic. */
export type HostSet = 'healthy' | 'degraded' | 'any';

/** A part of the traffic: so many of 100 requests go to these hosts of this tier. */
export interface Portion {
  readonly tier: number;
  readonly hostSet: HostSet;
  readonly load: number;
}

/** The loads in the order of the running sum: healthy of each tier, then degraded of each tier. */
export function portions(loads: Loads): readonly Portion[] {
  if (loads.totalPanic) {
    return loads.tiers.flatMap((tier, index) => portion(index, 'any', tier.load));
  }
  return [
    ...loads.tiers.flatMap((tier, index) => portion(index, tier.panic ? 'any' : 'healthy', tier.healthyLoad)),
    ...loads.tiers.flatMap((tier, index) =>
      portion(index, tier.panic ? 'any' : 'degraded', tier.degradedLoad),
    ),
  ];
}

function portion(tier: number, hostSet: HostSet, load: number): Portion[] {
  return load > 0 ? [{ tier, hostSet, load }] : [];
}

/** The first portion whose running sum reaches `hash % 100 + 1`: its index, or -1 when there is none. */
export function pickPortion(ordered: readonly Portion[], hash: number): number {
  const point = (hash % 100) + 1;
  let sum = 0;
  return ordered.findIndex((candidate) => {
    sum += candidate.load;
    return sum >= point;
  });
}

/** Nearest to 100 / golden ratio among the numbers that have no divisor in common with 100. */
const STRIDE = 61;

/**
 * The hash of the k-th of 100 picks in turn. Any 100 in a row take each value once, so shares are exact; and
 * neighbours lie far apart, so that short runs come near to the shares too.
 */
export function hashOfTurn(turn: number): number {
  return (turn * STRIDE) % 100;
}

/** Which turn has each hash. */
const TURN_OF_HASH = turnsByHash();

function turnsByHash(): Uint8Array {
  const turns = new Uint8Array(100);
  for (let turn = 0; turn < 100; turn++) turns[hashOfTurn(turn)] = turn;
  return turns;
}

/** For 100 turns the index of the portion that `pickPortion` gives for their hashes. Empty when there is none. */
export function turnsOf(ordered: readonly Portion[]): Uint8Array {
  if (ordered.length === 0) return new Uint8Array(0);
  const picks = new Uint8Array(100);
  let sum = 0;
  for (const [index, { load }] of ordered.entries()) {
    for (let hash = sum; hash < sum + load; hash++) picks[TURN_OF_HASH[hash] ?? 0] = index;
    sum += load;
  }
  return picks;
}
