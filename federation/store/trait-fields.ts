import { z } from 'zod';
import {
  LABEL_NAME,
  LABEL_VALUE,
  lengthOfAll,
  MAX_EXPORTED_LENGTH,
  MAX_EXPORTED_NAMES,
} from '../model/object-label.ts';
import { type ExportTraits, IP_FAMILIES } from '../model/service.ts';

const MAX_TIMEOUT_SECONDS = 86_400;

const name = z.string().regex(LABEL_NAME, 'must be a qualified name');

/** What an API server would refuse as an object's labels or annotations must not come so far. */
const labels = z.record(name, z.string().regex(LABEL_VALUE, 'must be a value of a label')).refine(isShort);
const annotations = z
  .record(name, z.string())
  .refine(isShort)
  .refine((given) => lengthOfAll(given) <= MAX_EXPORTED_LENGTH, 'is too long');

/** The fields of a record that hold what an export says of the service as a whole. */
export const traitFields = {
  sessionAffinity: z.object({ timeoutSeconds: z.int().min(1).max(MAX_TIMEOUT_SECONDS) }).optional(),
  internalTrafficPolicy: z.literal('Local').optional(),
  ipFamilies: z.array(z.enum(IP_FAMILIES)).min(1).max(IP_FAMILIES.length).optional(),
  trafficDistribution: z
    .string()
    .regex(/^[A-Za-z0-9./-]{1,100}$/)
    .optional(),
  labels: labels.optional(),
  annotations: annotations.optional(),
};

/** The same text for equal traits. */
export function traitsText({
  sessionAffinity,
  internalTrafficPolicy,
  ipFamilies,
  trafficDistribution,
  labels,
  annotations,
}: ExportTraits): ExportTraits {
  return {
    sessionAffinity: sessionAffinity && { timeoutSeconds: sessionAffinity.timeoutSeconds },
    internalTrafficPolicy,
    ipFamilies,
    trafficDistribution,
    labels: labels && sorted(labels),
    annotations: annotations && sorted(annotations),
  };
}

function sorted(given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isShort(given: object): boolean {
  return Object.keys(given).length <= MAX_EXPORTED_NAMES;
}
