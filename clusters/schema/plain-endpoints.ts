import { isIP } from 'node:net';
import { DNS_LABEL } from '../../federation/model/cluster.ts';
import { type Fields, fieldsList, isFields } from '../../federation/model/fields.ts';
import { PLACE_NAME_OR_NONE } from './metadata.ts';

/** What the schema gives of an endpoint. */
interface PlainEndpoint {
  addresses: string[];
  conditions: {
    ready?: boolean | null | undefined;
    serving?: boolean | null | undefined;
    terminating?: boolean | null | undefined;
  };
  zone?: string | null | undefined;
  nodeName?: string | null | undefined;
  hostname?: string | null | undefined;
  targetRef?: string | null | undefined;
}

const MAX_ADDRESSES = 100;
export const MAX_NAME_LENGTH = 253;

/**
 * A slice's endpoints as the schema reads them, at a tenth of what that costs: hundreds of slices change each second, and
 * each has all endpoints of its service. undefined for anything out of the ordinary: the schema says what it is then.
 * @param namespace the slice's
 */
export function plainEndpoints(value: unknown, max: number, namespace: string): PlainEndpoint[] | undefined {
  return fieldsList(value, max, (given) => plainEndpoint(given, namespace));
}

/** The fields in the schema's order, for a digest is made of their JSON. */
function plainEndpoint(given: Fields, namespace: string): PlainEndpoint | undefined {
  const { addresses, zone, nodeName, hostname, targetRef, deprecatedTopology } = given;
  const conditions = plainConditions(given.conditions);
  if (!isAddressList(addresses) || conditions === undefined || deprecatedTopology !== undefined) return;
  const endpoint: PlainEndpoint = { addresses: [...addresses], conditions };
  if (zone !== undefined) {
    if (zone !== null && !(typeof zone === 'string' && PLACE_NAME_OR_NONE.test(zone))) return;
    endpoint.zone = zone;
  }
  if (nodeName !== undefined) {
    if (nodeName !== null && !(typeof nodeName === 'string' && nodeName.length <= MAX_NAME_LENGTH)) return;
    endpoint.nodeName = nodeName;
  }
  if (hostname !== undefined) {
    if (hostname !== null && !(typeof hostname === 'string' && DNS_LABEL.test(hostname))) return;
    endpoint.hostname = hostname;
  }
  if (targetRef !== undefined) {
    const name = isFields(targetRef) ? plainTarget(targetRef, namespace) : undefined;
    if (name === undefined) return;
    endpoint.targetRef = name;
  }
  return endpoint;
}

function plainTarget({ kind, name, namespace }: Fields, own: string): string | undefined {
  if (typeof kind !== 'string' || typeof name !== 'string') return undefined;
  if (name === '' || name.length > MAX_NAME_LENGTH) return undefined;
  if (namespace === undefined || namespace === own) return targetName(kind, name, undefined);
  const isText = typeof namespace === 'string' && namespace.length <= MAX_NAME_LENGTH;
  return isText ? targetName(kind, name, namespace) : undefined;
}

/** What tells it from others of its service. */
export function targetName(kind: string, name: string, namespace: string | undefined): string {
  const local = kind === 'Pod' ? name : `${kind}:${name}`;
  return namespace === undefined ? local : `${namespace}/${local}`;
}

/** The same without the slice's own namespace, which all have but those of slices that others than Kubernetes make. */
export function nameWithin(namespace: string, target: string): string {
  return target.startsWith(`${namespace}/`) ? target.slice(namespace.length + 1) : target;
}

function plainConditions(given: unknown): PlainEndpoint['conditions'] | undefined {
  if (given === undefined) return {};
  if (!isFields(given)) return undefined;
  const { ready, serving, terminating } = given;
  if (!isFlag(ready) || !isFlag(serving) || !isFlag(terminating)) return undefined;
  const conditions: PlainEndpoint['conditions'] = {};
  if (ready !== undefined) conditions.ready = ready;
  if (serving !== undefined) conditions.serving = serving;
  if (terminating !== undefined) conditions.terminating = terminating;
  return conditions;
}

function isFlag(value: unknown): value is boolean | null | undefined {
  return value == null || typeof value === 'boolean';
}

function isAddressList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MAX_ADDRESSES &&
    value.every((one) => typeof one === 'string' && isIP(one) !== 0)
  );
}
