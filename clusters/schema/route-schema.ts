import { z } from 'zod';
import { isDnsLabel } from '../../federation/model/cluster.ts';
import {
  type MeshRoute,
  type NamedMatch,
  NO_FILTERS,
  ROUTE_BOUNDS,
  type RouteBackend,
  type RouteKind,
  type RouteMatch,
  type RouteParent,
  type RouteRule,
  type RuleProblem,
  type TextMatch,
} from '../../federation/model/mesh-route.ts';
import { patternFault } from '../../federation/model/pattern/pattern.ts';
import { createdAtMs, dnsLabel, type Metadata, plainText, port } from './metadata.ts';
import {
  backendRefShape,
  type FilterPlace,
  fieldName,
  filters,
  toBackendRef,
  toFilters,
} from './route-filters-schema.ts';
import { RuleFaults } from './rule-faults.ts';

/** Names of other kinds than ours are other people's, and may be of any form. */
const parentRef = z.looseObject({
  group: z.string().max(253).default('gateway.networking.k8s.io'),
  kind: z.string().min(1).max(63).default('Gateway'),
  name: z.string().min(1).max(253),
  namespace: dnsLabel.optional(),
  port: port.optional(),
  sectionName: z.string().max(253).optional(),
});

export const parentRefs = z
  .array(parentRef)
  .max(ROUTE_BOUNDS.parents, 'names more than 32 parents')
  .default([]);

export const backendRefs = z
  .array(
    z.looseObject({
      ...backendRefShape,
      weight: z.int().min(0).max(ROUTE_BOUNDS.weight).default(1),
      filters: filters.default([]),
    }),
  )
  .max(ROUTE_BOUNDS.backends, 'names more than 16 backends')
  .default([]);

/** Of rules and of a service's ports. */
const sectionName = z.string().regex(/^[a-z0-9][-a-z0-9.]{0,252}$/, 'is not a name of a-z, 0-9, - and .');

export const ruleName = sectionName.optional();

export const comparedText = plainText.max(4096);

/** Of a header, or a query parameter. */
export const namedMatch = z.looseObject({
  type: z.string().default('Exact'),
  name: fieldName,
  value: comparedText.min(1),
});

const KINDS: Readonly<Record<string, string>> = { Service: '', ServiceImport: 'multicluster.x-k8s.io' };

type ParentRef = z.infer<typeof parentRef>;

/** Whether it is a parent of ours. */
export function isServiceKind<R extends { readonly group: string; readonly kind: string }>(
  ref: R,
): ref is R & { readonly kind: RouteParent['kind'] } {
  return (ref.kind === 'Service' || ref.kind === 'ServiceImport') && KINDS[ref.kind] === ref.group;
}

/** Parents of other kinds are left out: they are Gateways and the like, of other controllers. */
export function toParents(refs: readonly ParentRef[], namespace: string, faults: RuleFaults): RouteParent[] {
  return refs.flatMap((ref, index): RouteParent[] => {
    if (!isServiceKind(ref)) return [];
    const { kind, name, port: number, sectionName } = ref;
    faults.only(ref, [...Object.keys(parentRef.shape)], `parentRefs[${index}]`);
    if (sectionName !== undefined && !isDnsLabel(sectionName)) {
      faults.add(`parentRefs[${index}]: sectionName is not the name of a port`);
      return [];
    }
    const service = { namespace: ref.namespace ?? namespace, name };
    return [{ kind, service, port: number, sectionName }];
  });
}

const MAX_FAULT_LENGTH = 1000;

/** Names of fields may have any characters. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\x00-\x1f\x7f]/g, ' ');
}

/** A comparison by `type`; undefined, and told, where it is not supported. */
export function toTextMatch(
  type: string,
  value: string,
  where: string,
  faults: RuleFaults,
): TextMatch | undefined {
  if (type === 'Exact') return { kind: 'exact', value };
  if (type !== 'RegularExpression') {
    faults.add(`${where}: type ${JSON.stringify(type)} is not supported`);
    return undefined;
  }
  const fault = patternFault(value);
  if (fault === undefined) return { kind: 'pattern', value };
  faults.add(`${where}: the regular expression ${fault}`);
  return undefined;
}

/** As the standard says, of entries for one name only the first counts. */
export function toNamedMatches(
  given: readonly z.infer<typeof namedMatch>[],
  fold: boolean,
  faults: RuleFaults,
): NamedMatch[] {
  const found = new Map<string, NamedMatch>();
  for (const one of given) {
    const name = fold ? one.name.toLowerCase() : one.name;
    faults.only(one, ['type', 'name', 'value'], name);
    const match = toTextMatch(one.type, one.value, name, faults);
    if (match !== undefined && !found.has(name)) found.set(name, { name, ...match });
  }
  return [...found.values()];
}

export function toBackends(
  given: z.infer<typeof backendRefs>,
  place: FilterPlace,
  faults: RuleFaults,
): RouteBackend[] {
  return given.map((one, index) => {
    const inside = faults.within(`backendRefs[${index}]`);
    inside.only(one, [...Object.keys(backendRefShape), 'weight', 'filters'], '');
    return {
      ref: toBackendRef(one, place.namespace, inside),
      weight: one.weight,
      filters: toFilters(one.filters, place, inside),
    };
  });
}

/** What a kind of route reads of one rule. */
export interface ReadRule extends Omit<RouteRule, 'broken' | 'matches'> {
  readonly matches: readonly RouteMatch[];
}

/** What could not be read may be what gateways refuse: nothing goes to them but what the rule matches, and whom it names. */
function brokenRule({ index, name, matches, backends }: ReadRule, broken: string): RouteRule {
  return {
    index,
    name,
    matches,
    filters: NO_FILTERS,
    backends: backends.map((backend) => ({ ...backend, filters: NO_FILTERS })),
    requestTimeoutMs: undefined,
    backendRequestTimeoutMs: undefined,
    retry: undefined,
    broken,
  };
}

interface RouteObject<R> {
  readonly kind: RouteKind;
  readonly metadata: Metadata & { readonly generation?: number | undefined };
  readonly spec: { readonly parentRefs: readonly ParentRef[]; readonly rules: readonly R[] };
}

/**
 * @param specFields those that the kind has
 * @param read reads one rule; `matchFaults` is told what of its matches cannot be read, `faults` of the rest
 * @param elseCreatedAtMs for an object that does not say when it was created, Unix ms
 */
export function toMeshRoute<R>(
  object: RouteObject<R>,
  specFields: readonly string[],
  read: (rule: R, index: number, matchFaults: RuleFaults, faults: RuleFaults) => ReadRule,
  elseCreatedAtMs: number,
): MeshRoute {
  const { kind, metadata: meta, spec } = object;
  const whole = new RuleFaults();
  whole.only(spec, specFields, 'spec');
  const parents = toParents(spec.parentRefs, meta.namespace, whole);
  const rules: RouteRule[] = [];
  const problems: RuleProblem[] = [];
  for (const [index, given] of spec.rules.entries()) {
    const matchFaults = new RuleFaults();
    const faults = new RuleFaults();
    const rule = read(given, index, matchFaults, faults);
    const found = [...whole.all, ...matchFaults.all, ...faults.all];
    // What it matches is not known: to answer more than that with an error would be wrong, too.
    const dropped = matchFaults.all.length > 0;
    const broken = found.length === 0 ? undefined : plain(found.join('; ').slice(0, MAX_FAULT_LENGTH));
    if (broken !== undefined) problems.push({ index, dropped, message: broken });
    if (!dropped) rules.push(broken === undefined ? { ...rule, broken } : brokenRule(rule, broken));
  }
  return {
    kind,
    namespace: meta.namespace,
    name: meta.name,
    createdAtMs: createdAtMs(meta) ?? elseCreatedAtMs,
    generation: meta.generation,
    parents,
    rules,
    problems,
  };
}
