import { POLICY_BOUNDS } from '../model/policy.ts';
import type { ServiceName } from '../model/service.ts';
import { BOUNDS } from './bounds.ts';
import { inField, label, listOf, plainText, WireError, within } from './field-checks.ts';

export const MAX_MS = POLICY_BOUNDS.longestMs;
export const MAX_COUNT = POLICY_BOUNDS.mostCounted;

/** A JSON object of a policy, whose fields are known but not yet checked. */
export type Fields = Readonly<Record<string, unknown>>;

export function serviceName(value: unknown): ServiceName {
  const fields = object('', value, ['namespace', 'name']);
  return {
    namespace: label('namespace', text(fields, 'namespace')),
    name: label('name', text(fields, 'name')),
  };
}

export function parse(json: string, maxLength: number = BOUNDS.policyJsonLength): unknown {
  if (json.length > maxLength) throw new WireError(`: ${json.length} characters are too many`);
  try {
    return JSON.parse(json);
  } catch {
    throw new WireError(': is not JSON');
  }
}

/** A JSON object; what a newer release says beside the known fields is left out, for it restricts nothing (README.md). */
export function openObject(field: string, value: unknown, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError(`${field}: is not an object`);
  }
  return Object.fromEntries(Object.entries(value).filter(([name]) => known.includes(name)));
}

/** A JSON object with no other fields than those known: one of a newer release may restrict. */
export function object(field: string, value: unknown, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError(`${field}: is not an object`);
  }
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new WireError(`${field}: field ${JSON.stringify(unknown)} is unknown`);
  return Object.fromEntries(Object.entries(value));
}

export function array(field: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new WireError(`${field}: is not a list`);
  return value;
}

export function list<T>(fields: Fields, name: string, max: number, read: (item: unknown) => T): T[] {
  return listOf(name, array(name, fields[name]), max, read);
}

export function texts(fields: Fields, name: string): readonly string[] {
  return list(fields, name, BOUNDS.entriesPerRule, (item) => string('', item));
}

export function text(fields: Fields, name: string): string {
  return string(name, fields[name]);
}

export function string(field: string, value: unknown): string {
  return longText(field, value, 4096);
}

export function longText(field: string, value: unknown, maxLength: number): string {
  if (typeof value !== 'string') throw new WireError(`${field}: is not text`);
  return plainText(field, value, maxLength);
}

export function number(fields: Fields, name: string, min: number, max: number): number {
  return numberWithin(name, fields[name], min, max);
}

export function boolean(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw new WireError(`${name}: is neither true nor false`);
  return value;
}

export function whole(fields: Fields, name: string, min: number, max: number): number {
  const value = number(fields, name, min, max);
  if (!Number.isInteger(value)) throw new WireError(`${name}: ${value} is not a whole number`);
  return value;
}

export function optionalNumber(fields: Fields, name: string, min: number, max: number): number | undefined {
  return optional(fields, name, (value) => numberWithin('', value, min, max));
}

export function numberWithin(field: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') throw new WireError(`${field}: is not a number`);
  return within(field, value, min, max);
}

export function optional<T>(fields: Fields, name: string, read: (value: unknown) => T): T | undefined {
  const value = fields[name];
  return value === undefined ? undefined : inField(name, () => read(value));
}

export function oneOf<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === fields[name]);
  if (found === undefined) throw new WireError(`${name}: is none of ${allowed.join(', ')}`);
  return found;
}
