import { Random } from '../random.ts';
import { type Draft, goodRequest, MUTATIONS, textOf } from './grammar.ts';
import { type Reading, readRequests } from './reference.ts';

/** Bytes for one connection: requests of which one or more are broken, in pieces. */
export interface Mutant {
  readonly id: number;
  readonly mutations: readonly string[];
  readonly text: string;
  readonly pieces: readonly Buffer[];
  /** What the sender says that it has sent. */
  readonly sent: Reading;
}

/** The same for the same seed. */
export function makeMutant(id: number, seed: number, host: string): Mutant {
  const random = new Random(seed);
  const names = Object.keys(MUTATIONS);
  const mutations: string[] = [];
  const drafts: Draft[] = [];
  for (let count = 1 + random.below(3); count > 0; count--) drafts.push(goodRequest(random, id, host));
  for (let count = 1 + random.below(3); count > 0; count--) {
    const name = random.pick(names);
    MUTATIONS[name]?.(random.pick(drafts), random);
    mutations.push(name);
  }
  // A good last one: whoever lost count takes it for something else.
  const last = goodRequest(random, id, host);
  last.fields.push('Connection: close\r\n');
  const bytes = Buffer.from([...drafts, last].map(textOf).join(''), 'latin1');
  const text = bytes.toString('latin1');
  return { id, mutations, text, pieces: cut(bytes, random), sent: readRequests(text) };
}

/** In one piece, in two, or in many small ones. */
function cut(bytes: Buffer, random: Random): Buffer[] {
  const way = random.below(4);
  if (way < 2) return [bytes];
  if (way === 2) {
    const at = random.below(bytes.length);
    return [bytes.subarray(0, at), bytes.subarray(at)].filter(({ length }) => length > 0);
  }
  const size = Math.max(1 + random.below(20), Math.ceil(bytes.length / 200));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}
