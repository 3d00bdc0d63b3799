import { z } from 'zod';
import { nearestWord } from './nearest-word.ts';

type Issue = z.core.$ZodRawIssue;

/** Zod's issues in the words of a configuration file; undefined leaves zod's own. */
export function describeIssue(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(issue.inst);
      // One line per key: whoever splits the issue gives each key its own.
      return issue.keys.map((key) => suggestion(key, known)).join('\n');
    }
    case 'invalid_type':
      if (issue.input === undefined) return `is missing (${issue.expected})`;
      return `must be ${withArticle(issue.expected)}, not ${typeOf(issue.input)}`;
    case 'invalid_value': {
      const values = issue.values.map(String).join(', ');
      const choice = issue.values.length === 1 ? values : `one of ${values}`;
      return issue.input === undefined ? `is missing (${choice})` : `must be ${choice}`;
    }
    case 'invalid_union':
      return oneOf(issue.input, issue.discriminator, issue.options);
    case 'too_small':
      return bound(issue.origin, issue.minimum, issue.inclusive === false ? 'more than' : 'at least');
    case 'too_big':
      return bound(issue.origin, issue.maximum, issue.inclusive === false ? 'less than' : 'at most');
    default:
      return undefined;
  }
}

/** A map whose kind is none of those that there are, or that names none. */
function oneOf(input: unknown, discriminator: string | undefined, options: unknown): string | undefined {
  if (discriminator === undefined || !Array.isArray(options)) return undefined;
  if (typeof input !== 'object' || input === null) return undefined;
  const choice = `one of ${options.map(String).join(', ')}`;
  return discriminator in input ? `must be ${choice}` : `is missing (${choice})`;
}

function suggestion(key: string, known: readonly string[]): string {
  const meant = nearestWord(key, known);
  if (meant !== undefined) return `did you mean ${meant}?`;
  return known.length === 0 ? '' : `known keys here: ${known.join(', ')}`;
}

function knownKeys(schema: unknown): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function bound(origin: string, limit: number | bigint, comparison: string): string {
  if (origin === 'array') return `must have ${comparison} ${limit} ${limit === 1 ? 'item' : 'items'}`;
  if (origin === 'string') {
    return `must have ${comparison} ${limit} ${limit === 1 ? 'character' : 'characters'}`;
  }
  return `must be ${comparison} ${limit}`;
}

/** What YAML calls it. */
function typeOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : withArticle(typeof value);
}

function withArticle(type: string): string {
  if (type === 'object' || type === 'record') return 'a map';
  if (type === 'array') return 'a list';
  if (type === 'int') return 'a whole number';
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}
