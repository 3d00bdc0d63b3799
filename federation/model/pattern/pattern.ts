import { type CharacterSet, PatternError, type PatternNode, parsePattern } from './pattern-syntax.ts';

/** Bounds the work for one character. */
const MAX_STEPS = 500;
/** Texts beyond this match no pattern. Bounds the work for one text. */
const MAX_TEXT_LENGTH = 8192;
/** How many states are kept of what was met; more of them, and all are forgotten. */
const MAX_STATES = 256;

type Step =
  | { readonly kind: 'character'; readonly set: CharacterSet; readonly next: number }
  | { readonly kind: 'fork'; readonly ways: readonly number[] }
  | { readonly kind: 'end' };

/** What steps a text may be at after some characters. */
interface State {
  readonly steps: readonly number[];
  readonly matches: boolean;
  /** By class of character; undefined = not met yet. */
  readonly next: (State | undefined)[];
}

/**
 * A regular expression that a text matches as a whole or not, in time linear in the text whatever the two are:
 * Thompson's construction, with the states of the automaton that were met kept. JavaScript's own expressions backtrack,
 * and a client that knows one can make some of them take for ever.
 */
export class Pattern {
  readonly source: string;
  readonly #steps: readonly Step[];
  readonly #classOf: Uint8Array;
  readonly #samples: readonly number[];
  readonly #known = new Map<string, State>();
  #first: State;

  /** @throws PatternError when it is none, or too large when its repetitions are written out */
  constructor(source: string) {
    this.source = source;
    const steps: Step[] = [{ kind: 'end' }];
    const start = compile(parsePattern(source), 0, steps);
    this.#steps = steps;
    const { classOf, samples } = classify(steps);
    this.#classOf = classOf;
    this.#samples = samples;
    this.#first = this.#stateOf([start]);
  }

  /** Whether all of `text[start, end)` matches. Allocates only for what was not met before. */
  matches(text: string, start = 0, end: number = text.length): boolean {
    if (end - start > MAX_TEXT_LENGTH) return false;
    let state = this.#first;
    for (let i = start; i < end; i++) {
      const code = text.charCodeAt(i);
      if (code > 255) return false;
      const kind = this.#classOf[code] as number;
      state = state.next[kind] ?? this.#advance(state, kind);
      if (state.steps.length === 0) return false;
    }
    return state.matches;
  }

  #advance(state: State, kind: number): State {
    const code = this.#samples[kind] as number;
    const after: number[] = [];
    for (const index of state.steps) {
      const step = this.#steps[index] as Step;
      if (step.kind === 'character' && step.set[code]) after.push(step.next);
    }
    const next = this.#stateOf(after);
    state.next[kind] = next;
    return next;
  }

  #stateOf(starts: readonly number[]): State {
    const reached = new Set<number>();
    const open = [...starts];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (reached.has(index)) continue;
      reached.add(index);
      const step = this.#steps[index] as Step;
      if (step.kind === 'fork') open.push(...step.ways);
    }
    const steps = [...reached].filter((index) => this.#steps[index]?.kind !== 'fork').sort((a, b) => a - b);
    const key = steps.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_STATES) {
      this.#known.clear();
      this.#first = { ...this.#first, next: [] };
    }
    const state: State = { steps, matches: reached.has(0), next: [] };
    this.#known.set(key, state);
    return state;
  }
}

/** Why a text is no pattern; undefined when it is one. */
export function patternFault(source: string): string | undefined {
  try {
    new Pattern(source);
    return undefined;
  } catch (failure) {
    if (failure instanceof PatternError) return failure.message;
    throw failure;
  }
}

/** Adds the steps of a node that go on at `next`; returns where they begin. */
function compile(node: PatternNode, next: number, steps: Step[]): number {
  switch (node.kind) {
    case 'characters':
      return add({ kind: 'character', set: node.set, next }, steps);
    case 'sequence':
      return node.items.reduceRight((after, item) => compile(item, after, steps), next);
    case 'choice':
      return add({ kind: 'fork', ways: node.items.map((item) => compile(item, next, steps)) }, steps);
    case 'repeat':
      return compileRepeat(node, next, steps);
  }
}

function compileRepeat(node: PatternNode & { kind: 'repeat' }, next: number, steps: Step[]): number {
  const { item, least, most } = node;
  let start = next;
  if (most === undefined) {
    const ways: number[] = [next];
    start = add({ kind: 'fork', ways }, steps);
    ways.push(compile(item, start, steps));
  } else {
    for (let i = least; i < most; i++) {
      start = add({ kind: 'fork', ways: [next, compile(item, start, steps)] }, steps);
    }
  }
  for (let i = 0; i < least; i++) start = compile(item, start, steps);
  return start;
}

function add(step: Step, steps: Step[]): number {
  if (steps.length >= MAX_STEPS) {
    throw new PatternError(
      `is too large: with its repetitions written out it has more than ${MAX_STEPS} steps`,
    );
  }
  steps.push(step);
  return steps.length - 1;
}

/** Characters that all steps treat alike are one class. */
function classify(steps: readonly Step[]): { classOf: Uint8Array; samples: readonly number[] } {
  const sets = [...new Set(steps.flatMap((step) => (step.kind === 'character' ? [step.set] : [])))];
  const classes = new Map<string, number>();
  const samples: number[] = [];
  const classOf = Uint8Array.from({ length: 256 }, (_, code) => {
    const key = sets.map((set) => (set[code] ? '1' : '0')).join('');
    const known = classes.get(key);
    if (known !== undefined) return known;
    classes.set(key, samples.length);
    samples.push(code);
    return samples.length - 1;
  });
  return { classOf, samples };
}
