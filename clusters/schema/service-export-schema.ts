import { z } from 'zod';
import {
  LABEL_NAME,
  LABEL_VALUE,
  lengthOfAll,
  MAX_EXPORTED_LENGTH,
  MAX_EXPORTED_NAMES,
} from '../../federation/model/object-label.ts';
import type { ExportTraits } from '../../federation/model/service.ts';
import { serviceMetadata } from './metadata.ts';

const name = z.string().regex(LABEL_NAME, 'is not a name of a label such as example.com/team');

const labels = z
  .record(
    name,
    z.string().regex(LABEL_VALUE, 'is not a value of a label: at most 63 letters, digits, -, _ and .'),
  )
  .refine(isShort, `are more than ${MAX_EXPORTED_NAMES}`);

const annotations = z
  .record(name, z.string())
  .refine(isShort, `are more than ${MAX_EXPORTED_NAMES}`)
  .refine(
    (given) => lengthOfAll(given) <= MAX_EXPORTED_LENGTH,
    `are longer than ${MAX_EXPORTED_LENGTH} together`,
  );

/** What a ServiceExport asks to be told with the service. The kind itself lets any text through. */
export const exportSpecSchema = z.object({
  exportedLabels: labels.nullish(),
  exportedAnnotations: annotations.nullish(),
});

/** `multicluster.x-k8s.io` ServiceExport (KEP-1645): offers the service of its own name. */
export const serviceExportSchema = z.object({
  kind: z.literal('ServiceExport'),
  metadata: serviceMetadata,
  spec: exportSpecSchema.nullish(),
});

export type ServiceExportObject = z.infer<typeof serviceExportSchema>;

export function exportedNames({ spec }: ServiceExportObject): Pick<ExportTraits, 'labels' | 'annotations'> {
  const [labels, annotations] = [spec?.exportedLabels ?? {}, spec?.exportedAnnotations ?? {}];
  return {
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

function isShort(given: object): boolean {
  return Object.keys(given).length <= MAX_EXPORTED_NAMES;
}
