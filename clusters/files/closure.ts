import { z } from 'zod';
import { nearestWord } from '../../federation/config/nearest-word.ts';
import type { YamlDocument } from '../../federation/config/yaml-document.ts';
import { isDnsLabel } from '../../federation/model/cluster.ts';
import type { AccessTarget } from '../provider.ts';

/**
 * What is closed because the object that says who may do it cannot be read, and no good version of it is known: to
 * let everybody in instead would be the opposite of what was asked for. The same holds for a policy that asks for TLS
 * to pods (`transport`): without it requests would go there in plaintext.
 */
export type Closure =
  | { readonly kind: 'access' | 'transport'; readonly targets: readonly AccessTarget[] }
  | { readonly kind: 'peer'; readonly cluster: string };

const RESTRICTING = ['AccessPolicy', 'ClusterPeer'];

/** They have rules too, and restrict nobody. */
const ROUTES: readonly string[] = ['HTTPRoute', 'GRPCRoute'];

const RESTRICTING_KINDS: Readonly<Record<Closure['kind'], string>> = {
  access: 'AccessPolicy',
  transport: 'TrafficPolicy',
  peer: 'ClusterPeer',
};

/** The key that asks for TLS to pods, mistyped or not. */
const ASKS_FOR_TLS = /tls/i;
const TRAFFIC_FIELDS = ['upstreamTls', 'loadBalancing', 'connectionPool', 'targetRefs'];
const KEY = /([\w-]+)["']?\s*:/g;
const KIND = /\bkind["']?\s*:\s*["']?(\w+)/g;
const COMMENT = /(?:^|\s)#.*$/gm;

const text = z.string().optional().catch(undefined);
const list = z.array(z.unknown()).optional().catch(undefined);
const fields = z.record(z.string(), z.unknown());
/** As much of an object as can be made out. */
const outline = z
  .object({ kind: text, metadata: fields.optional().catch(undefined), spec: fields.catch({}) })
  .catch({ kind: undefined, metadata: undefined, spec: {} });
const target = z.object({ name: z.custom<string>(isLabel) });

type Outline = z.infer<typeof outline>;

/** What an unreadable document closes; nothing when it is of a kind that restricts nobody. */
export function closureOf(document: YamlDocument, file: string): Closure | undefined {
  const found = outline.parse(document.value ?? document.remains);
  const kind = meantKind(found, document.text.replace(COMMENT, ''));
  if (kind === 'AccessPolicy' || kind === 'TrafficPolicy') {
    // Of a text with mistakes in its syntax, targets may be lost.
    const whole = document.value !== undefined;
    // It says itself that it denies nobody yet.
    if (kind === 'AccessPolicy' && whole && found.spec.mode === 'Audit') return undefined;
    return { kind: kind === 'AccessPolicy' ? 'access' : 'transport', targets: targetsOf(found, whole) };
  }
  if (kind !== 'ClusterPeer') return undefined;
  // Enrolment calls a peer's file by its name.
  const fromFile = /([^/\\]+)\.\w+$/.exec(file)?.[1];
  const cluster = [found.metadata?.name, fromFile].find(isLabel);
  return cluster === undefined ? undefined : { kind: 'peer', cluster };
}

/** The id of the object that an unreadable document is a version of; undefined where that cannot be made out. */
export function idOf(document: YamlDocument, closure: Closure): string | undefined {
  const { metadata } = outline.parse(document.value ?? document.remains);
  const namespace = metadata?.namespace ?? (document.value === undefined ? undefined : 'default');
  if (typeof metadata?.name !== 'string' || typeof namespace !== 'string') return undefined;
  return `${restrictingKind(closure)}/${namespace}/${metadata.name}`;
}

/** The kind of the object that a closure stands for. */
export function restrictingKind(closure: Closure): string {
  return RESTRICTING_KINDS[closure.kind];
}

/** What cannot be read at all may be a policy for every service. */
export function everythingClosed(): Closure {
  return { kind: 'access', targets: [{ namespace: undefined, name: undefined }] };
}

const LOSSES: ReadonlyMap<string | undefined, string> = new Map([
  ['Service', 'the service is not offered'],
  ['ServiceExport', 'the service is not exported'],
  ['EndpointSlice', 'its endpoints are not used'],
  ['FailoverPolicy', 'its targets fail over as without it'],
  ['TrafficPolicy', 'traffic to its targets is as without it'],
]);

/** What an unreadable document that closes nothing costs. */
export function lossOf(document: YamlDocument): string {
  return LOSSES.get(outline.parse(document.value ?? document.remains).kind) ?? 'what it says is not in force';
}

/** What a closure means, for who mends its cause. */
export function describeClosure(closure: Closure): string {
  if (closure.kind === 'peer') return `${closure.cluster} may offer in no namespace here`;
  const names = closure.targets.map(({ namespace, name }) => {
    if (namespace === undefined) return 'any service';
    return name === undefined ? `any service of namespace ${namespace}` : `${namespace}/${name}`;
  });
  const why = closure.kind === 'transport' ? ', for it would be in plaintext' : '';
  return `nobody may call ${names.join(', ')}${why}`;
}

function meantKind({ kind, spec }: Outline, text: string): string | undefined {
  if (kind !== undefined && RESTRICTING.includes(kind)) return kind;
  if (Object.keys(spec).some((key) => ASKS_FOR_TLS.test(key))) return 'TrafficPolicy';
  if ('rules' in spec && !ROUTES.includes(kind ?? '')) return 'AccessPolicy';
  if ('allowedNamespaces' in spec) return 'ClusterPeer';
  // Where not even a kind could be made out, each that the text speaks of may be its own.
  const kinds = kind === undefined ? all(KIND, text) : [kind];
  const meant = kinds.map((one) => nearestWord(one, [...RESTRICTING, 'TrafficPolicy']));
  const restricting = meant.find((one) => one !== undefined && RESTRICTING.includes(one));
  if (restricting !== undefined) return restricting;
  return meant.includes('TrafficPolicy') && all(KEY, text).some(asksForTls) ? 'TrafficPolicy' : undefined;
}

/** It may stand anywhere: what is broken may have torn it out of its place. */
function asksForTls(key: string): boolean {
  return ASKS_FOR_TLS.test(key) || nearestWord(key, TRAFFIC_FIELDS) === 'upstreamTls';
}

function all(pattern: RegExp, text: string): string[] {
  return [...text.matchAll(pattern)].flatMap(([, word]) => word ?? []);
}

function targetsOf({ metadata, spec }: Outline, whole: boolean): AccessTarget[] {
  const unsaid = whole && metadata !== undefined ? 'default' : undefined;
  const namespace = metadata?.namespace ?? unsaid;
  if (!isLabel(namespace)) return [{ namespace: undefined, name: undefined }];
  const refs = list.parse(spec.targetRefs) ?? [];
  const names = refs.map((ref) => target.safeParse(ref).data?.name);
  if (!whole || names.length === 0 || names.includes(undefined)) return [{ namespace, name: undefined }];
  return names.map((name) => ({ namespace, name }));
}

function isLabel(value: unknown): value is string {
  return typeof value === 'string' && isDnsLabel(value);
}
