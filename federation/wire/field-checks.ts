import { isIP } from 'node:net';
import { isDnsLabel } from '../model/cluster.ts';

/** A message that breaks the contract. `message` names the field, e.g. `services[3].ports[0].port: 0 is not …`. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Runs `read` and puts the field's name before what it complains of. */
export function inField<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (failure) {
    if (!(failure instanceof WireError)) throw failure;
    const dot = /^[[:]/.test(failure.message) ? '' : '.';
    throw new WireError(`${field}${dot}${failure.message}`);
  }
}

/** For a repeated field. */
export function bounded(field: string, items: number, max: number): void {
  if (items > max) throw new WireError(`${field}: ${items} items, at most ${max} are allowed`);
}

/** Converts a repeated field of at most `max` items. */
export function listOf<W, M>(field: string, items: readonly W[], max: number, read: (item: W) => M): M[] {
  bounded(field, items.length, max);
  return items.map((item, index) => inField(`${field}[${index}]`, () => read(item)));
}

/** As `listOf`, into a map; two items with one key are refused. */
export function mapOf<W, K, V>(
  field: string,
  items: readonly W[],
  max: number,
  read: (item: W) => readonly [K, V],
): Map<K, V> {
  const map = new Map<K, V>();
  for (const [key, value] of listOf(field, items, max, read)) {
    if (map.has(key)) throw new WireError(`${field}: ${JSON.stringify(key)} is there twice`);
    map.set(key, value);
  }
  return map;
}

/** Fields from this number on restrict: who leaves one out would let through, or do, what it forbids. */
export const FIRST_RESTRICTION = 1000;

/**
 * What a newer release says beside what we know is left out, but for what restricts.
 * @throws WireError naming the restriction
 */
export function understood(
  message: { readonly $unknown?: readonly { readonly no: number }[] | undefined },
  name = '',
): void {
  const found = message.$unknown?.find(({ no }) => no >= FIRST_RESTRICTION);
  if (found !== undefined) throw restriction(name, found.no);
}

/** The error that an unknown field with a number of those is. */
export function restriction(name: string, field: number): WireError {
  return new WireError(
    `${name}: field ${field} is a restriction of a newer release; upgrade this gateway, or do without what needs it`,
  );
}

export function present<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw new WireError(`${field}: is missing`);
  return value;
}

/** A uint64 that a JavaScript number holds exactly. */
export function safeInteger(field: string, value: bigint): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new WireError(`${field}: ${value} is too large`);
  return Number(value);
}

export function within(field: string, value: number, min: number, max: number): number {
  if (!Number.isFinite(value) || value < min || value > max) {
    throw new WireError(`${field}: ${value} is not in ${min} to ${max}`);
  }
  return value;
}

export function portNumber(field: string, value: number): number {
  return within(field, value, 1, 65_535);
}

/** Text without control characters. */
export function plainText(field: string, value: string, maxLength: number): string {
  if (value.length > maxLength) throw new WireError(`${field}: is longer than ${maxLength} characters`);
  if (CONTROL.test(value)) throw new WireError(`${field}: has control characters`);
  return value;
}

/** An RFC 1123 label: names of clusters, namespaces and services. */
export function label(field: string, value: string): string {
  if (!isDnsLabel(value)) throw new WireError(`${field}: ${quote(value)} is not an RFC 1123 label`);
  return value;
}

/** `namespace/name`, both labels. */
export function keyOfService(field: string, value: string): string {
  const [namespace = '', name, ...more] = value.split('/', 3);
  if (name === undefined || more.length > 0)
    throw new WireError(`${field}: ${quote(value)} is not NAMESPACE/NAME`);
  return `${label(field, namespace)}/${label(field, name)}`;
}

/** The name of a service port: a label, or empty where a service has a single unnamed port. */
export function portName(field: string, value: string): string {
  return value === '' ? value : label(field, value);
}

/** An IP address or a DNS name. */
export function host(field: string, value: string): string {
  if (!isHost(value)) {
    throw new WireError(`${field}: ${quote(value)} is neither an IP address nor a DNS name`);
  }
  return value;
}

export function isHost(value: string): boolean {
  return isIP(value) !== 0 || isDnsName(value);
}

/** In lower case, of labels without underscores. An IPv4 address looks like one, and is none. */
export function isDnsName(value: string): boolean {
  return DNS_NAME.test(value) && isIP(value) === 0;
}

/** The member of a closed set that an enum's number stands for. */
export function member<T extends string>(
  field: string,
  numbers: Readonly<Record<T, number>>,
  value: number,
): T {
  for (const name in numbers) if (numbers[name] === value) return name;
  throw new WireError(`${field}: ${value} is unknown`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** Runs a decoder of protobuf-es, whose complaints become WireErrors. */
export function decoded<T>(field: string, decode: () => T): T {
  try {
    return decode();
  } catch (failure) {
    throw new WireError(`${field}: ${failure instanceof Error ? failure.message : String(failure)}`);
  }
}
