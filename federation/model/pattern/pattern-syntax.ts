/** A pattern that is none, or one that this dialect does not have. `message` says what and where. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** A set of characters of Latin-1, by code. */
export type CharacterSet = readonly boolean[];

export type PatternNode =
  | { readonly kind: 'characters'; readonly set: CharacterSet }
  | { readonly kind: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly items: readonly PatternNode[] }
  /** `most` undefined = any number. */
  | {
      readonly kind: 'repeat';
      readonly item: PatternNode;
      readonly least: number;
      readonly most: number | undefined;
    };

export const PATTERN_BOUNDS = { length: 4096, nesting: 50, repeat: 1000 } as const;

const ALPHABET = 256;
const CLASSES: Readonly<Record<string, RegExp>> = { d: /[0-9]/, w: /[0-9A-Za-z_]/, s: /[\t\n\v\f\r ]/ };
const CONTROLS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v' };
const COUNT = /\{([0-9]{1,4})(,([0-9]{1,4})?)?\}/y;
const GROUP = /\?(?::|P?<[A-Za-z_][A-Za-z0-9_]*>)/y;
const HEX = /x([0-9A-Fa-f]{2})/y;

/**
 * Reads the part of RE2's syntax that says which texts match as a whole: characters, `.`, classes, groups, `|`,
 * `* + ? {n,m}`, `\d \w \s \xHH`, `(?i)` at the beginning, and `^`, `$` at the ends, which change nothing. What RE2 does
 * not have (look-around, back-references) and what has no meaning here (`\b`) is refused.
 * @throws PatternError
 */
export function parsePattern(text: string): PatternNode {
  if (text.length > PATTERN_BOUNDS.length) {
    throw new PatternError(`is longer than ${PATTERN_BOUNDS.length} characters`);
  }
  return new Reader(text).read();
}

class Reader {
  readonly #text: string;
  readonly #end: number;
  #at = 0;
  #folds = false;

  constructor(text: string) {
    this.#text = text;
    this.#end = endsWithAnchor(text) ? text.length - 1 : text.length;
  }

  read(): PatternNode {
    if (this.#text.startsWith('(?i)')) {
      this.#folds = true;
      this.#at = 4;
    }
    if (this.#text[this.#at] === '^') this.#at++;
    const node = this.#choice(0);
    if (this.#at < this.#end) throw this.#error('an unmatched )');
    return node;
  }

  #choice(depth: number): PatternNode {
    if (depth > PATTERN_BOUNDS.nesting) throw this.#error('too many groups in one another');
    const items = [this.#sequence(depth)];
    while (this.#peek() === '|') {
      this.#at++;
      items.push(this.#sequence(depth));
    }
    return items.length === 1 ? (items[0] as PatternNode) : { kind: 'choice', items };
  }

  #sequence(depth: number): PatternNode {
    const items: PatternNode[] = [];
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek()) {
      items.push(this.#repeated(this.#atom(next, depth)));
    }
    return { kind: 'sequence', items };
  }

  #repeated(item: PatternNode): PatternNode {
    const counts = this.#counts();
    if (counts === undefined) return item;
    // A text matches as a whole or not at all: greedy and lazy are the same.
    if (this.#peek() === '?') this.#at++;
    if (this.#counts() !== undefined) throw this.#error('a repetition of a repetition');
    return { kind: 'repeat', item, ...counts };
  }

  #counts(): { least: number; most: number | undefined } | undefined {
    const next = this.#peek();
    if (next === '*' || next === '+' || next === '?') {
      this.#at++;
      return { least: next === '+' ? 1 : 0, most: next === '?' ? 1 : undefined };
    }
    const match = next === '{' ? this.#match(COUNT) : null;
    if (match === null) return undefined;
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === undefined ? undefined : Number(match[3]);
    if (Math.max(least, most ?? 0) > PATTERN_BOUNDS.repeat || (most ?? least) < least) {
      throw this.#error(`${match[0]} is no repetition of at most ${PATTERN_BOUNDS.repeat}`);
    }
    return { least, most };
  }

  #atom(next: string, depth: number): PatternNode {
    if (next === '(') return this.#group(depth);
    if (next === '[') return this.#characters(this.#bracket());
    if (next === '*' || next === '+' || next === '?') throw this.#error(`nothing before ${next}`);
    if (next === '^' || next === '$') throw this.#error(`${next} elsewhere than at the end of the pattern`);
    this.#at++;
    if (next === '.') return { kind: 'characters', set: setOf((character) => character !== '\n') };
    if (next === '\\') return this.#characters(this.#escape());
    return this.#characters(this.#single(next));
  }

  #group(depth: number): PatternNode {
    this.#at++;
    if (this.#peek() === '?' && this.#match(GROUP) === null) {
      throw this.#error('a group of a kind that is not supported (look-around, flags)');
    }
    const inner = this.#choice(depth + 1);
    if (this.#peek() !== ')') throw this.#error('a group that is not closed');
    this.#at++;
    return inner;
  }

  #bracket(): CharacterSet {
    this.#at++;
    const negated = this.#peek() === '^';
    if (negated) this.#at++;
    const parts: CharacterSet[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) parts.push(this.#range());
    this.#at++;
    const found = setOf((_, code) => parts.some((part) => part[code]));
    const set = this.#folds ? folded(found) : found;
    return negated ? setOf((_, code) => !set[code]) : set;
  }

  #range(): CharacterSet {
    const from = this.#member();
    const low = only(from);
    if (this.#peek() !== '-' || this.#text[this.#at + 1] === ']' || low === undefined) return from;
    this.#at++;
    const high = only(this.#member());
    if (high === undefined || high < low) throw this.#error('a range that is none');
    return setOf((_, code) => code >= low && code <= high);
  }

  #member(): CharacterSet {
    const next = this.#peek();
    if (next === undefined) throw this.#error('a [ that is not closed');
    if (next === '[' && this.#text[this.#at + 1] === ':') throw this.#error('a class such as [:alpha:]');
    this.#at++;
    return next === '\\' ? this.#escape() : this.#single(next);
  }

  #escape(): CharacterSet {
    const next = this.#text[this.#at];
    if (next === undefined) throw this.#error('a \\ at the end');
    const hex = this.#match(HEX);
    if (hex !== null) return this.#single(String.fromCharCode(Number.parseInt(hex[1] ?? '', 16)));
    const known = CLASSES[next.toLowerCase()];
    if (known !== undefined) {
      this.#at++;
      const upper = next !== next.toLowerCase();
      return setOf((character) => known.test(character) !== upper);
    }
    const control = CONTROLS[next];
    if (control === undefined && /[0-9A-Za-z]/.test(next))
      throw this.#error(`\\${next}, which is not supported`);
    this.#at++;
    return this.#single(control ?? next);
  }

  #single(character: string): CharacterSet {
    if (character.charCodeAt(0) >= ALPHABET) throw this.#error('a character beyond Latin-1');
    return setOf((one) => one === character);
  }

  #characters(set: CharacterSet): PatternNode {
    return { kind: 'characters', set: this.#folds ? folded(set) : set };
  }

  #peek(): string | undefined {
    return this.#at < this.#end ? this.#text[this.#at] : undefined;
  }

  #match(form: RegExp): RegExpExecArray | null {
    form.lastIndex = this.#at;
    const match = form.exec(this.#text);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  #error(what: string): PatternError {
    return new PatternError(`has ${what} (at character ${this.#at + 1})`);
  }
}

/** A `$` at the end that no `\` makes a character. */
function endsWithAnchor(text: string): boolean {
  if (!text.endsWith('$')) return false;
  let escapes = 0;
  while (text[text.length - 2 - escapes] === '\\') escapes++;
  return escapes % 2 === 0;
}

function setOf(has: (character: string, code: number) => boolean | undefined): CharacterSet {
  return Array.from({ length: ALPHABET }, (_, code) => has(String.fromCharCode(code), code) === true);
}

/** ASCII letters in both cases. */
function folded(set: CharacterSet): CharacterSet {
  return setOf((character, code) => {
    if (!/[A-Za-z]/.test(character)) return set[code];
    return set[character.toLowerCase().charCodeAt(0)] || set[character.toUpperCase().charCodeAt(0)];
  });
}

function only(set: CharacterSet): number | undefined {
  const code = set.indexOf(true);
  return code >= 0 && set.indexOf(true, code + 1) < 0 ? code : undefined;
}
