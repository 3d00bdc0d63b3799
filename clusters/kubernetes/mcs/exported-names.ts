import { z } from 'zod';
import type { ExportTraits, ServiceName } from '../../../federation/model/service.ts';
import { importLabels } from './mcs-objects.ts';

/** On an import: the names of its labels and annotations that came with the export. Others may add some of their own. */
const EXPORTED = 'isthmus.io/exported';

/**
 * What the exporter's word must not decide here: who keeps an object, and what of it kubectl wrote last. A tool that takes an
 * import for its own by such a name (Argo CD, Helm, Flux, kubectl's ApplySets) would remove it.
 */
const RESERVED_DOMAINS = [
  'isthmus.io',
  'multicluster.kubernetes.io',
  'kubectl.kubernetes.io',
  'app.kubernetes.io',
  'applyset.kubernetes.io',
  'argocd.argoproj.io',
  'helm.sh',
  'toolkit.fluxcd.io',
];

type Names = Readonly<Record<string, string>>;

/** An import's labels and annotations: those of the export, and ours. */
export function exportedNames(
  service: ServiceName,
  traits: ExportTraits,
): { readonly labels: Names; readonly annotations?: Names } {
  const labels = permitted(traits.labels);
  const annotations = permitted(traits.annotations);
  const names = [...Object.keys(labels), ...Object.keys(annotations)];
  const own = importLabels(service);
  if (names.length === 0) return { labels: own };
  const exported = JSON.stringify({ labels: namesOf(labels), annotations: namesOf(annotations) });
  return { labels: { ...labels, ...own }, annotations: { ...annotations, [EXPORTED]: exported } };
}

const listed = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' });
      return z.NEVER;
    }
  })
  .pipe(z.object({ labels: z.array(z.string()), annotations: z.array(z.string()) }));

/** Of an import as it stands: what came with the export, as the import says itself. */
export function exportedOf(
  labels: Names,
  annotations: Names,
): { readonly names: readonly string[]; readonly values: readonly unknown[] } {
  const text = annotations[EXPORTED];
  if (text === undefined) return { names: [], values: [[], []] };
  const found = listed.safeParse(text).data;
  if (found === undefined) return { names: [`annotation ${EXPORTED}`], values: ['unreadable'] };
  return {
    names: [
      `annotation ${EXPORTED}`,
      ...found.labels.map((name) => `label ${name}`),
      ...found.annotations.map((name) => `annotation ${name}`),
    ],
    values: [
      found.labels.map((name) => [name, labels[name]]),
      found.annotations.map((name) => [name, annotations[name]]),
    ],
  };
}

/** Half a character comes back from the API server as another one, and would be written again and again. */
function permitted(given: Names = {}): Names {
  const taken = Object.entries(given).filter(([name]) => !isReserved(name));
  return Object.fromEntries(taken.map(([name, value]) => [name, value.toWellFormed()]));
}

/** By its prefix, which counts with all domains below it. */
function isReserved(name: string): boolean {
  const prefix = name.slice(0, Math.max(0, name.indexOf('/')));
  return RESERVED_DOMAINS.some((domain) => prefix === domain || prefix.endsWith(`.${domain}`));
}

function namesOf(given: Names): readonly string[] {
  return Object.keys(given).sort();
}
